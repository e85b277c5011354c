/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpost: the client program.
 */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return sp_cli_run(argc, argv);
}
