/* SPDX-License-Identifier: Apache-2.0
 *
 * Tree math that is more than a line, RFC 9420 appendix C.
 */
#include "mls/treemath_priv.h"

struct sp_node_index sp__mls_common_ancestor(uint32_t a, uint32_t b)
{
	unsigned level = a == b ? 0 : 32u - (unsigned)__builtin_clz(a ^ b);
	return sp__mls_ancestor(a, level);
}

uint32_t sp__mls_width_for(uint32_t leaves)
{
	uint32_t width = leaves ? 1 : 0;
	while (width < leaves)
		width *= 2;
	return width;
}
