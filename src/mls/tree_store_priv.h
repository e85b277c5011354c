/* SPDX-License-Identifier: Apache-2.0
 *
 * How a tree and a diff are kept. Only the tree's own files include this; everybody else sees tree_priv.h.
 *
 * A tree is flat arrays over the array representation of appendix C: leaves, parents, and one tree hash a node; beside
 * them two hash indices (encryption keys, signature keys), the members' capabilities counted, and one bit a leaf. With
 * these, no operation looks at all members. Nodes are immutable once they are in a tree.
 */
#ifndef SP_MLS_TREE_STORE_PRIV_H
#define SP_MLS_TREE_STORE_PRIV_H

#include "mls/tree_priv.h"
#include "mls/treemath_priv.h"

/* -- nodes (tree_node.c) ----------------------------------------------------------------------------------------- */

struct sp_mls_tree_leaf {
	struct sp_mls_leaf_node node; /* borrows from raw */
	uint8_t raw[];
};
struct sp_mls_tree_parent {
	uint32_t *unmerged; /* ascending */
	size_t n_unmerged;
	size_t cap_unmerged;
	uint8_t key_n;
	uint8_t hash_n;
	uint8_t data[]; /* encryption_key, then parent_hash */
};
static inline struct sp_bytes sp__mls_parent_key(const struct sp_mls_tree_parent *p)
{
	return (struct sp_bytes){p->data, p->key_n};
}
static inline struct sp_bytes sp__mls_parent_hash_of(const struct sp_mls_tree_parent *p)
{
	return (struct sp_bytes){p->data + p->key_n, p->hash_n};
}
/* Copies the bytes; the whole input must be one LeafNode. */
SP_MUST_USE enum sp_err sp__mls_tree_leaf_new(struct sp_mls_tree_leaf **out, struct sp_bytes encoded, struct sp_diag *diag);
void sp__mls_tree_leaf_free(struct sp_mls_tree_leaf **leaf);
SP_MUST_USE enum sp_err sp__mls_tree_parent_new(struct sp_mls_tree_parent **out, struct sp_bytes key, struct sp_bytes parent_hash);
SP_MUST_USE enum sp_err sp__mls_tree_parent_copy(struct sp_mls_tree_parent **out, const struct sp_mls_tree_parent *in);
SP_MUST_USE enum sp_err sp__mls_tree_parent_add_unmerged(struct sp_mls_tree_parent *p, uint32_t leaf);
bool sp__mls_tree_parent_has_unmerged(const struct sp_mls_tree_parent *p, uint32_t leaf);
void sp__mls_tree_parent_free(struct sp_mls_tree_parent **parent);

/* struct { NodeType node_type; select ... } Node: exactly one of the two comes out. */
SP_MUST_USE enum sp_err sp__mls_tree_node_read(struct sp_reader *r, struct sp_mls_tree_leaf **out_leaf, struct sp_mls_tree_parent **out_parent,
					       struct sp_diag *diag);
SP_MUST_USE enum sp_err sp__mls_tree_node_skip(struct sp_reader *r, struct sp_diag *diag);
void sp__mls_tree_leaf_write(struct sp_writer *w, const struct sp_mls_tree_leaf *leaf);
void sp__mls_tree_parent_write(struct sp_writer *w, const struct sp_mls_tree_parent *parent);

/* -- hash index (tree_index.c): which nodes may hold a key; the caller compares ----------------------------------- */

struct sp_mls_index_slot {
	uint32_t hash;
	uint32_t value; /* + 1; 0 is an empty slot */
};
struct sp_mls_index {
	struct sp_mls_index_slot *slots;
	size_t cap; /* 0 or a power of two */
	size_t n;
};
void sp__mls_index_clear(struct sp_mls_index *index);
uint32_t sp__mls_key_hash(uint64_t seed, struct sp_bytes key);
uint32_t sp__mls_number_hash(uint64_t seed, uint32_t number);
/* Room for n entries in all. */
SP_MUST_USE enum sp_err sp__mls_index_reserve(struct sp_mls_index *index, size_t n);
/* An empty index with room for n if `index` has not enough, else one with cap 0; moving into it cannot fail. */
SP_MUST_USE enum sp_err sp__mls_index_spare(struct sp_mls_index *out, const struct sp_mls_index *index, size_t n);
void sp__mls_index_move(struct sp_mls_index *index, struct sp_mls_index *spare);
void sp__mls_index_put(struct sp_mls_index *index, uint32_t hash, uint32_t value); /* there must be room */
void sp__mls_index_remove(struct sp_mls_index *index, uint32_t hash, uint32_t value);
#define SP_MLS_INDEX_START SIZE_MAX
/* The next value whose hash is the same; *at starts as SP_MLS_INDEX_START. */
bool sp__mls_index_has_next(const struct sp_mls_index *index, uint32_t hash, size_t *at, uint32_t *out_value);

/* -- counters (tree_counts.c): how many members list a code point ---------------------------------------------------- */

struct sp_mls_count {
	uint32_t key; /* + 1; 0 is an empty slot */
	int32_t n;
};
struct sp_mls_counts {
	struct sp_mls_count *slots;
	size_t cap; /* 0 or a power of two */
	size_t used;
};
enum sp_mls_count_kind { SP_MLS_COUNT_EXTENSION, SP_MLS_COUNT_PROPOSAL, SP_MLS_COUNT_CREDENTIAL };
static inline uint32_t sp__mls_count_key(enum sp_mls_count_kind kind, uint16_t value)
{
	return (uint32_t)kind << 16 | value;
}
void sp__mls_counts_clear(struct sp_mls_counts *c);
int32_t sp__mls_counts_get(const struct sp_mls_counts *c, uint32_t key);
SP_MUST_USE enum sp_err sp__mls_counts_add(struct sp_mls_counts *c, uint32_t key, int32_t by);
SP_MUST_USE enum sp_err sp__mls_counts_spare(struct sp_mls_counts *out, const struct sp_mls_counts *c, size_t more);
void sp__mls_counts_move(struct sp_mls_counts *c, struct sp_mls_counts *spare);
void sp__mls_counts_merge(struct sp_mls_counts *c, const struct sp_mls_counts *delta); /* there must be room */
/* Adds `by` to each code point that the leaf lists (once each), and to its credential's type in `in_use`. */
SP_MUST_USE enum sp_err sp__mls_counts_leaf(struct sp_mls_counts *c, struct sp_mls_counts *in_use, const struct sp_mls_leaf_node *leaf, int32_t by);

/* -- one bit a leaf (tree_bits.c) ---------------------------------------------------------------------------------------- */

struct sp_mls_bits {
	uint64_t *word;
	size_t words;
};
SP_MUST_USE enum sp_err sp__mls_bits_new(struct sp_mls_bits *out, uint32_t width, const struct sp_mls_bits *from); /* from may be NULL */
void sp__mls_bits_clear(struct sp_mls_bits *b);
void sp__mls_bits_set(struct sp_mls_bits *b, uint32_t i, bool on);
bool sp__mls_bits_has(const struct sp_mls_bits *b, uint32_t i);
bool sp__mls_bits_has_range(const struct sp_mls_bits *b, uint32_t first, uint32_t n); /* any of them set? */
uint32_t sp__mls_bits_find_zero(const struct sp_mls_bits *b, uint32_t from, uint32_t width); /* width when there is none */

/* -- tree ------------------------------------------------------------------------------------------------------------------ */

#define SP_MLS_KEY_SLOTS_MAX 1024u
struct sp_mls_key_slot { /* a decoded signature key, kept */
	const struct sp_mls_tree_leaf *of;
	struct sp_verify_key *key;
};
struct sp_mls_key_cache {
	struct sp_mls_key_slot *slots;
	size_t n; /* a power of two; leaf i is in slot i % n */
};

struct sp_mls_tree {
	struct sp_mls_suite suite;
	uint64_t seed;    /* of the hash tables: an attacker who could guess it could make them slow */
	uint32_t width;
	uint32_t members;
	uint32_t cap;     /* width for which the arrays have room */
	struct sp_mls_tree_leaf **leaf;     /* [width] */
	struct sp_mls_tree_parent **parent; /* [width - 1]; node x is at x / 2 */
	uint8_t *hash;                      /* [2 width - 1][nh] */
	struct sp_mls_bits occupied;
	struct sp_mls_index by_encryption_key; /* values are node indices */
	struct sp_mls_index by_signature_key;  /* values are leaf indices */
	struct sp_mls_counts counts;
	struct sp_mls_counts in_use;
	struct sp_mls_key_cache *cache;
};
SP_MUST_USE enum sp_err sp__mls_tree_alloc(struct sp_mls_tree **out, const struct sp_mls_suite *suite, uint32_t width);
/* After leaf and parent are filled: bits, counters, indices, hashes. Refuses keys that occur twice. */
SP_MUST_USE enum sp_err sp__mls_tree_finish(struct sp_mls_tree *tree, struct sp_diag *diag);
SP_MUST_USE enum sp_err sp__mls_tree_rehash(struct sp_mls_tree *tree); /* every node */
static inline struct sp_bytes sp__mls_tree_hash_at(const struct sp_mls_tree *tree, struct sp_node_index x)
{
	return (struct sp_bytes){tree->hash + (size_t)x.v * tree->suite.nh, tree->suite.nh};
}

/* -- diff ------------------------------------------------------------------------------------------------------------------- */

enum sp_mls_touch {
	SP_MLS_TOUCH_HASH,  /* content as in the base; something below changed */
	SP_MLS_TOUCH_BLANK,
	SP_MLS_TOUCH_SET
};
struct sp_mls_touched {
	struct sp_node_index node;
	enum sp_mls_touch what;
	bool added;      /* a leaf by tree_diff_add */
	bool hash_fresh;
	struct sp_mls_tree_leaf *leaf;     /* SET, leaf; owned */
	struct sp_mls_tree_parent *parent; /* SET, parent; owned */
	struct sp_hash hash;
};
struct sp_mls_tree_diff {
	const struct sp_mls_tree *base;
	uint32_t width;
	uint32_t members;
	uint32_t free_from; /* no leaf below is blank */
	struct sp_mls_touched *touched;
	size_t n, cap;
	struct sp_mls_index by_node;            /* values are places in touched */
	struct sp_mls_index by_encryption_key;  /* of nodes that were SET: may be outdated, so look at the node */
	struct sp_mls_index by_signature_key;
	unsigned duplicate;                     /* the rule that a second holder of a key broke, or 0 */
	uint32_t *changed;                      /* leaves that were SET or BLANKed */
	size_t n_changed, cap_changed;
	struct sp_mls_bits occupied;            /* words NULL: as in the base */
	struct sp_mls_counts counts;            /* differences */
	struct sp_mls_counts in_use;
	const struct sp_mls_tree_leaf *key_of;  /* whose key this is */
	struct sp_verify_key *key;
	bool prepared;
	struct sp_mls_tree *room;               /* prepared: bigger arrays, when the tree outgrows its own */
	struct sp_mls_index spare_encryption, spare_signature;
	struct sp_mls_counts spare_counts, spare_in_use;
};

/* -- a view: the base with or without a diff (tree_view.c) -------------------------------------------------------------------- */

struct sp_mls_tree_view {
	const struct sp_mls_tree *base;
	const struct sp_mls_tree_diff *diff; /* may be NULL */
};
static inline struct sp_mls_tree_view sp__mls_treeview_of(const struct sp_mls_tree *tree)
{
	return (struct sp_mls_tree_view){tree, NULL};
}
static inline struct sp_mls_tree_view sp__mls_treeview_of_diff(const struct sp_mls_tree_diff *diff)
{
	return (struct sp_mls_tree_view){diff->base, diff};
}
struct sp_mls_touched *sp__mls_diff_find(const struct sp_mls_tree_diff *diff, struct sp_node_index x); /* or NULL */
uint32_t sp__mls_treeview_width(struct sp_mls_tree_view v);
/* NULL when blank or outside. */
const struct sp_mls_tree_leaf *sp__mls_treeview_leaf(struct sp_mls_tree_view v, uint32_t leaf);
const struct sp_mls_tree_parent *sp__mls_treeview_parent(struct sp_mls_tree_view v, struct sp_node_index x);
bool sp__mls_treeview_has_node(struct sp_mls_tree_view v, struct sp_node_index x);
struct sp_bytes sp__mls_treeview_key(struct sp_mls_tree_view v, struct sp_node_index x); /* encryption key; empty when blank */
const struct sp_mls_bits *sp__mls_treeview_occupied(struct sp_mls_tree_view v);
/* Is any leaf below x occupied? In a valid tree: is its resolution not empty? */
bool sp__mls_treeview_has_members(struct sp_mls_tree_view v, struct sp_node_index x);
/* The node that has this encryption key, the leaf that has this signature key. */
bool sp__mls_treeview_has_encryption_key(struct sp_mls_tree_view v, struct sp_bytes key, struct sp_node_index *out);
bool sp__mls_treeview_has_signature_key(struct sp_mls_tree_view v, struct sp_bytes key, uint32_t *out_leaf);

struct sp_mls_nodes { /* a list of nodes, owned */
	struct sp_node_index *list;
	size_t n, cap;
};
void sp__mls_nodes_clear(struct sp_mls_nodes *nodes);
/* Appends the resolution of x (section 4.1.1), without leaves that the diff added when `without_added`. */
SP_MUST_USE enum sp_err sp__mls_treeview_resolve(struct sp_mls_tree_view v, struct sp_node_index x, bool without_added, struct sp_mls_nodes *out);

/* One step of a filtered direct path (section 4.1.2). */
struct sp_mls_step {
	struct sp_node_index node;
	struct sp_node_index copath; /* its child that is not on the path */
};
struct sp_mls_steps {
	size_t n;
	struct sp_mls_step step[SP_MLS_LEVELS];
};
void sp__mls_treeview_filtered_path(struct sp_mls_tree_view v, uint32_t leaf, struct sp_mls_steps *out); /* lowest first */

/* -- diff primitives (tree_diff.c): they take ownership of the node, also on failure -------------------------------------------- */

SP_MUST_USE enum sp_err sp__mls_diff_set_leaf(struct sp_mls_tree_diff *diff, uint32_t leaf, struct sp_mls_tree_leaf *node); /* NULL blanks */
SP_MUST_USE enum sp_err sp__mls_diff_set_parent(struct sp_mls_tree_diff *diff, struct sp_node_index x, struct sp_mls_tree_parent *node);
void sp__mls_diff_drop_room(struct sp_mls_tree_diff *diff); /* what prepare made */
bool sp__mls_diff_has_set(const struct sp_mls_tree_diff *diff, struct sp_node_index x);
SP_MUST_USE enum sp_err sp__mls_diff_blank_path(struct sp_mls_tree_diff *diff, uint32_t leaf);
SP_MUST_USE enum sp_err sp__mls_diff_extend(struct sp_mls_tree_diff *diff, uint32_t width);
SP_MUST_USE enum sp_err sp__mls_diff_touch(struct sp_mls_tree_diff *diff, struct sp_node_index x, struct sp_mls_touched **out);

/* -- hashes (tree_hash.c, parent_hash.c) -------------------------------------------------------------------------------------------- */

/* A node's tree hash in the diff; computes what is stale below. */
SP_MUST_USE enum sp_err sp__mls_diff_hash_at(struct sp_mls_tree_diff *diff, struct sp_node_index x, struct sp_hash *out);
SP_MUST_USE enum sp_err sp__mls_hash_leaf(struct sp_hasher *h, uint32_t leaf, const struct sp_mls_tree_leaf *node, struct sp_hash *out);
/* unmerged: the list to hash, which parent hash verification cuts. */
SP_MUST_USE enum sp_err sp__mls_hash_parent(struct sp_hasher *h, const struct sp_mls_tree_parent *node, const uint32_t *unmerged, size_t n_unmerged,
					    const struct sp_bytes children[2], struct sp_hash *out);
/* Hash(ParentHashInput), section 7.9 */
SP_MUST_USE enum sp_err sp__mls_parent_hash(const struct sp_mls_suite *suite, struct sp_bytes key, struct sp_bytes parent_hash,
					    struct sp_bytes sibling_hash, struct sp_hash *out);
/* Every non-blank parent by exactly one descendant (section 7.9.2). Expects unmerged lists that were verified. */
SP_MUST_USE enum sp_err sp__mls_tree_verify_parent_hashes(const struct sp_mls_tree *tree, struct sp_diag *diag);
SP_MUST_USE enum sp_err sp__mls_tree_verify_unmerged(const struct sp_mls_tree *tree, struct sp_diag *diag);
SP_MUST_USE enum sp_err sp__mls_tree_verify_signatures(const struct sp_mls_env *env, const struct sp_mls_tree *tree, struct sp_bytes group_id);

#endif
