/* SPDX-License-Identifier: Apache-2.0
 *
 * Tree math over the array representation, RFC 9420 appendix C. A tree always has 2^d leaves and 2^(d+1) - 1 nodes;
 * leaf i is node 2i; odd nodes are parents.
 */
#ifndef SP_MLS_TREEMATH_PRIV_H
#define SP_MLS_TREEMATH_PRIV_H

#include "base/base.h"

/* A place in the array; a type of its own, so that no leaf index is taken for it. */
struct sp_node_index {
	uint32_t v;
};
#define SP_MLS_WIDTH_MAX (1u << 30) /* leaves: every node index fits 31 bits */

static inline struct sp_node_index sp__mls_node_of_leaf(uint32_t leaf)
{
	return (struct sp_node_index){leaf * 2};
}
static inline bool sp__mls_node_is_leaf(struct sp_node_index x)
{
	return (x.v & 1) == 0;
}
/* Only for a leaf's node. */
static inline uint32_t sp__mls_leaf_of_node(struct sp_node_index x)
{
	return x.v / 2;
}
/* 0 for a leaf, d for the root of a tree of 2^d leaves. */
static inline unsigned sp__mls_level(struct sp_node_index x)
{
	return (unsigned)__builtin_ctz(~x.v);
}
static inline uint32_t sp__mls_node_count(uint32_t width)
{
	return width == 0 ? 0 : 2 * width - 1;
}
/* width is a power of two, or 0. */
static inline struct sp_node_index sp__mls_root(uint32_t width)
{
	return (struct sp_node_index){width - 1};
}
/* Of a parent. */
static inline struct sp_node_index sp__mls_left(struct sp_node_index x)
{
	return (struct sp_node_index){x.v ^ (1u << (sp__mls_level(x) - 1))};
}
static inline struct sp_node_index sp__mls_right(struct sp_node_index x)
{
	return (struct sp_node_index){x.v ^ (3u << (sp__mls_level(x) - 1))};
}
/* Of any node but the root. */
static inline struct sp_node_index sp__mls_parent(struct sp_node_index x)
{
	unsigned k = sp__mls_level(x);
	return (struct sp_node_index){(x.v | 1u << k) & ~(2u << k)};
}
static inline struct sp_node_index sp__mls_sibling(struct sp_node_index x)
{
	return (struct sp_node_index){x.v ^ (2u << sp__mls_level(x))};
}
/* The leaves below x: first, and how many. */
static inline uint32_t sp__mls_first_leaf(struct sp_node_index x)
{
	return (x.v + 1 - (1u << sp__mls_level(x))) / 2;
}
static inline uint32_t sp__mls_leaf_count(struct sp_node_index x)
{
	return 1u << sp__mls_level(x);
}
static inline bool sp__mls_node_has_leaf(struct sp_node_index x, uint32_t leaf)
{
	return leaf - sp__mls_first_leaf(x) < sp__mls_leaf_count(x); /* wraps far beyond when leaf is to the left */
}
/* The ancestor of a leaf at a level. */
static inline struct sp_node_index sp__mls_ancestor(uint32_t leaf, unsigned level)
{
	return (struct sp_node_index){(leaf * 2 & ~((2u << level) - 1)) | ((1u << level) - 1)};
}
/* The lowest node above both; for a == b the leaf itself. */
struct sp_node_index sp__mls_common_ancestor(uint32_t a, uint32_t b);
/* The smallest power of two that holds n leaves; 0 for 0. */
uint32_t sp__mls_width_for(uint32_t leaves);

#endif
