/* SPDX-License-Identifier: Apache-2.0
 *
 * The wall clock, asked in one place.
 */
#include "client/client_priv.h"

#include <time.h>

struct sp_time sp__now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct sp_time){(int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000};
}
