/* SPDX-License-Identifier: Apache-2.0
 *
 * Times as text, RFC 3339 in UTC. The clock itself is never read here: it is an argument everywhere.
 */
#include "base/base.h"

#include <stdio.h>
#include <time.h>

void sp_time_format(char out[SP_TIME_TEXT_MAX], struct sp_time t)
{
	int64_t s = t.ms / 1000, ms = t.ms % 1000;
	if (ms < 0) {
		ms += 1000;
		s -= 1;
	}
	struct tm tm = {0};
	time_t clock = (time_t)s;
	if (!gmtime_r(&clock, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900) {
		snprintf(out, SP_TIME_TEXT_MAX, "0000-00-00T00:00:00.000Z"); /* a peer may name any 64-bit number */
		return;
	}
	snprintf(out, SP_TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		 tm.tm_min, tm.tm_sec, (int)ms);
}
