/* SPDX-License-Identifier: Apache-2.0
 *
 * The program sealpostd.
 */
#include "daemon/daemon.h"

int main(int argc, char **argv)
{
	return sp_daemon_main(argc, argv);
}
