/* SPDX-License-Identifier: Apache-2.0
 *
 * The secret tree and its ratchets: RFC 9420 sections 9, 9.1, 9.2 and 15.3.
 *
 * The tree is sparse: a node exists while its secret is held or something below it is. Splitting a node on the way to a leaf consumes
 * its secret; the sibling on each level keeps one.
 */
#include "mls/secret_nodes_priv.h"

#include "base/limits.h"

#define DEFAULT_OUT_OF_ORDER 256u
#define MAX_OUT_OF_ORDER 65536u

/* -- nodes ------------------------------------------------------------------------------------------------------------- */

static void ratchet_clear(struct sp_mls_ratchet *r)
{
	sp_free_secret(r->skipped, r->n_skipped * sizeof *r->skipped);
	sp_wipe(r, sizeof *r);
}

static void ratchets_free(struct sp_mls_ratchet *pair)
{
	if (!pair)
		return;
	ratchet_clear(&pair[0]);
	ratchet_clear(&pair[1]);
	sp_free(pair);
}

static void node_free(struct sp_mls_secret_node *n)
{
	if (!n)
		return;
	node_free(n->child[0]); /* at most 32 deep */
	node_free(n->child[1]);
	ratchets_free(n->ratchets);
	sp_free_secret(n, sizeof *n);
}

/* -- making and freeing ---------------------------------------------------------------------------------------------------- */

enum sp_err sp__mls_secret_tree_load_begin(struct sp_mls_secret_tree **out, const struct sp_mls_suite *suite, uint32_t leaf_width, uint64_t epoch)
{
	SP_ASSERT(leaf_width != 0 && (leaf_width & (leaf_width - 1)) == 0);
	struct sp_mls_secret_tree *tree = sp_alloc(sizeof *tree);
	*out = NULL;
	if (!tree)
		return SP_ERR_NOMEM;
	tree->root = sp_alloc(sizeof *tree->root);
	if (!tree->root) {
		sp_free(tree);
		return SP_ERR_NOMEM;
	}
	tree->suite = *suite;
	tree->epoch = epoch;
	tree->leaf_width = leaf_width;
	while (leaf_width >> (tree->depth + 1) != 0)
		tree->depth++;
	*out = tree;
	return SP_OK;
}

enum sp_err sp__mls_secret_tree_new(struct sp_mls_secret_tree **out, const struct sp_mls_suite *suite, uint32_t leaf_width, uint64_t epoch,
				    const struct sp_secret *encryption_secret)
{
	SP_TRY(sp__mls_secret_tree_load_begin(out, suite, leaf_width, epoch));
	(*out)->root->secret = *encryption_secret;
	return SP_OK;
}

void sp__mls_secret_tree_free(struct sp_mls_secret_tree **tree)
{
	if (!*tree)
		return;
	node_free((*tree)->root);
	sp_free(*tree);
	*tree = NULL;
}

uint64_t sp__mls_secret_tree_epoch(const struct sp_mls_secret_tree *tree)
{
	return tree->epoch;
}

void sp__mls_secret_step_free(struct sp_mls_secret_step **step)
{
	if (!*step)
		return;
	node_free((*step)->grown);
	ratchet_clear(&(*step)->next);
	sp_free_secret(*step, sizeof **step);
	*step = NULL;
}

/* -- deriving a leaf (section 9) --------------------------------------------------------------------------------------------- */

/* The deepest node with a secret on the way to the leaf, or the leaf itself when it has ratchets; NULL when all was consumed. */
static struct sp_mls_secret_node *find_source(const struct sp_mls_secret_tree *tree, uint32_t leaf, unsigned *out_level)
{
	struct sp_mls_secret_node *n = tree->root;
	struct sp_mls_secret_node *found = NULL;
	for (unsigned level = tree->depth + 1; n && level-- > 0; n = level == 0 ? NULL : n->child[sp__mls_secret_side(leaf, level - 1)]) {
		if (n->secret.n == 0 && !(level == 0 && n->ratchets))
			continue;
		found = n;
		*out_level = level;
	}
	return found;
}

static enum sp_err start_ratchets(struct sp_mls_secret_node *leaf, const struct sp_mls_suite *suite)
{
	leaf->ratchets = sp_alloc_array(2, sizeof *leaf->ratchets);
	if (!leaf->ratchets)
		return SP_ERR_NOMEM;
	SP_TRY(sp__mls_expand_secret(&leaf->ratchets[SP_MLS_RATCHET_HANDSHAKE].secret, suite->nh, suite, &leaf->secret, "handshake", SP_BYTES_NONE));
	SP_TRY(sp__mls_expand_secret(&leaf->ratchets[SP_MLS_RATCHET_APPLICATION].secret, suite->nh, suite, &leaf->secret, "application", SP_BYTES_NONE));
	sp_secret_clear(&leaf->secret);
	return SP_OK;
}

/* Derives both children of n; n's secret is consumed. */
static enum sp_err split(struct sp_mls_secret_node *n, const struct sp_mls_suite *suite)
{
	static const char *const side[] = {"left", "right"};
	for (unsigned i = 0; i < 2; i++) {
		n->child[i] = sp_alloc(sizeof *n->child[i]);
		if (!n->child[i])
			return SP_ERR_NOMEM;
		SP_TRY(sp__mls_expand_secret(&n->child[i]->secret, suite->nh, suite, &n->secret, "tree", sp_bytes_str(side[i])));
	}
	sp_secret_clear(&n->secret);
	return SP_OK;
}

/* Grows a copy of `at` down to the leaf, in the step. The tree is not touched. */
static enum sp_err grow(struct sp_mls_secret_step *step, const struct sp_mls_suite *suite, struct sp_mls_secret_node **out_leaf)
{
	step->grown = sp_alloc(sizeof *step->grown);
	if (!step->grown)
		return SP_ERR_NOMEM;
	step->grown->secret = step->at->secret;
	struct sp_mls_secret_node *n = step->grown;
	for (unsigned level = step->at_level; level > 0; level--) {
		SP_TRY(split(n, suite));
		n = n->child[sp__mls_secret_side(step->leaf, level - 1)];
	}
	*out_leaf = n;
	return start_ratchets(n, suite);
}

/* The ratchet to work on: the tree's, or a new one inside of the step. */
static enum sp_err find_ratchet(struct sp_mls_secret_step *step, const struct sp_mls_ratchet **out, const struct sp_mls_secret_tree *tree)
{
	struct sp_mls_secret_node *leaf = NULL;
	struct sp_mls_secret_node *source = step->leaf < tree->leaf_width ? find_source(tree, step->leaf, &step->at_level) : NULL;
	if (!source)
		return SP_ERR_KEY_GONE;
	if (source->ratchets) {
		step->target = &source->ratchets[step->type];
		*out = step->target;
		return SP_OK;
	}
	step->at = source;
	step->at_index = sp__mls_secret_index(step->leaf, step->at_level);
	SP_TRY(grow(step, &tree->suite, &leaf));
	*out = &leaf->ratchets[step->type];
	return SP_OK;
}

/* -- the ratchet (section 9.1) ------------------------------------------------------------------------------------------------- */

static enum sp_err derive_key(struct sp_mls_message_key *out, const struct sp_mls_suite *suite, const struct sp_secret *secret, uint32_t generation)
{
	struct sp_secret nonce = {0};
	SP_TRY(sp__mls_derive_tree_secret(&nonce, SP_AEAD_NONCE, suite, secret, "nonce", generation));
	sp_copy(out->nonce, nonce.b, SP_AEAD_NONCE);
	sp_secret_clear(&nonce);
	return sp__mls_derive_tree_secret(&out->key, suite->nk, suite, secret, "key", generation);
}

static enum sp_err advance(struct sp_mls_ratchet *r, const struct sp_mls_suite *suite)
{
	struct sp_secret next = {0};
	SP_TRY(sp__mls_derive_tree_secret(&next, suite->nh, suite, &r->secret, "secret", r->next));
	r->secret = next;
	r->next++;
	sp_secret_clear(&next);
	return SP_OK;
}

static enum sp_err copy_skipped(struct sp_mls_ratchet *to, const struct sp_mls_ratchet *from, size_t room)
{
	if (from->n_skipped + room == 0)
		return SP_OK;
	to->skipped = sp_alloc_array(from->n_skipped + room, sizeof *to->skipped);
	if (!to->skipped)
		return SP_ERR_NOMEM;
	sp_copy(to->skipped, from->skipped, from->n_skipped * sizeof *to->skipped);
	to->n_skipped = from->n_skipped;
	return SP_OK;
}

/* A generation passed over before. */
static enum sp_err open_old(const struct sp_mls_env *env, struct sp_mls_secret_step *step, struct sp_mls_message_key *out_key, const struct sp_mls_ratchet *now,
			    uint32_t generation, uint32_t window)
{
	SP_TRY(copy_skipped(&step->next, now, 0));
	for (size_t i = 0; i < step->next.n_skipped; i++) {
		struct sp_mls_skipped *s = &step->next.skipped[i];
		if (s->generation != generation)
			continue;
		*out_key = s->key;
		size_t after = step->next.n_skipped - i - 1;
		for (size_t k = 0; k < after; k++)
			s[k] = s[k + 1];
		sp_wipe(&step->next.skipped[--step->next.n_skipped], sizeof *s);
		return SP_OK;
	}
	return SP_RULE(env->diag, now->next - generation <= window ? SP_ERR_DUPLICATE : SP_ERR_KEY_GONE, 15);
}

/* Drops the oldest keys so that at most `window` are kept. */
static void trim_skipped(struct sp_mls_ratchet *r, uint32_t window)
{
	if (r->n_skipped <= window)
		return;
	size_t drop = r->n_skipped - window;
	for (size_t i = 0; i < window; i++)
		r->skipped[i] = r->skipped[i + drop];
	sp_wipe(r->skipped + window, drop * sizeof *r->skipped);
	r->n_skipped = window;
}

static enum sp_err open_new(struct sp_mls_secret_step *step, struct sp_mls_message_key *out_key, const struct sp_mls_suite *suite,
			    const struct sp_mls_ratchet *now, uint32_t generation, uint32_t window)
{
	struct sp_mls_ratchet *r = &step->next;
	uint32_t ahead = generation - now->next;
	uint32_t kept = SP_MIN(ahead, window);
	SP_TRY(copy_skipped(r, now, kept));
	while (r->next < generation) {
		if (generation - r->next <= kept) {
			struct sp_mls_skipped *s = &r->skipped[r->n_skipped++];
			s->generation = r->next;
			SP_TRY(derive_key(&s->key, suite, &r->secret, r->next));
		}
		SP_TRY(advance(r, suite));
	}
	trim_skipped(r, window);
	SP_TRY(derive_key(out_key, suite, &r->secret, generation));
	return advance(r, suite);
}

static uint32_t window_of(const struct sp_mls_env *env)
{
	uint32_t n = env->limits && env->limits->out_of_order ? env->limits->out_of_order : DEFAULT_OUT_OF_ORDER;
	return n == SP_MLS_NONE ? 0 : SP_MIN(n, MAX_OUT_OF_ORDER);
}

static uint32_t forward_of(const struct sp_mls_env *env)
{
	return env->limits && env->limits->forward ? env->limits->forward : SP_LIMIT_MLS_GENERATION_AHEAD;
}

static enum sp_err open_step(const struct sp_mls_env *env, struct sp_mls_secret_step *step, struct sp_mls_message_key *out_key,
			     const struct sp_mls_secret_tree *tree, uint32_t generation)
{
	const struct sp_mls_ratchet *now = NULL;
	if (generation == UINT32_MAX) /* its successor has no number: a sender stops one before */
		return SP_RULE(env->diag, SP_ERR_INVALID, 17);
	SP_TRY(find_ratchet(step, &now, tree));
	step->next.secret = now->secret;
	step->next.next = now->next;
	if (generation < now->next)
		return open_old(env, step, out_key, now, generation, window_of(env));
	if (generation - now->next > forward_of(env))
		return SP_RULE(env->diag, SP_ERR_TOO_MANY, 16);
	return open_new(step, out_key, &tree->suite, now, generation, window_of(env));
}

static enum sp_err step_new(struct sp_mls_secret_step **out, const struct sp_mls_secret_tree *tree, enum sp_mls_ratchet_type type, uint32_t leaf)
{
	*out = sp_alloc(sizeof **out);
	if (!*out)
		return SP_ERR_NOMEM;
	(*out)->tree = tree;
	(*out)->type = type;
	(*out)->leaf = leaf;
	return SP_OK;
}

enum sp_err sp__mls_secret_tree_open(const struct sp_mls_env *env, struct sp_mls_secret_step **out, struct sp_mls_message_key *out_key,
				     const struct sp_mls_secret_tree *tree, enum sp_mls_ratchet_type type, uint32_t leaf, uint32_t generation)
{
	SP_TRY(step_new(out, tree, type, leaf));
	enum sp_err e = open_step(env, *out, out_key, tree, generation);
	if (e != SP_OK)
		sp__mls_secret_step_free(out);
	return e;
}

static enum sp_err next_step(struct sp_mls_secret_step *step, struct sp_mls_message_key *out_key, const struct sp_mls_secret_tree *tree)
{
	const struct sp_mls_ratchet *now = NULL;
	SP_TRY(find_ratchet(step, &now, tree));
	step->next.secret = now->secret;
	step->next.next = now->next;
	if (now->next == UINT32_MAX)
		return SP_ERR_KEY_GONE;
	return open_new(step, out_key, &tree->suite, now, now->next, 0);
}

enum sp_err sp__mls_secret_tree_next(const struct sp_mls_env *env, struct sp_mls_secret_step **out, struct sp_mls_message_key *out_key,
				     uint32_t *out_generation, const struct sp_mls_secret_tree *tree, enum sp_mls_ratchet_type type, uint32_t leaf)
{
	SP_TRY(step_new(out, tree, type, leaf));
	enum sp_err e = next_step(*out, out_key, tree);
	*out_generation = (*out)->next.next - 1;
	if (e != SP_OK)
		sp__mls_secret_step_free(out);
	return e;
}

/* -- apply ------------------------------------------------------------------------------------------------------------------------ */

void sp__mls_secret_tree_apply(struct sp_mls_secret_tree *tree, struct sp_mls_secret_step **step)
{
	struct sp_mls_secret_step *s = *step;
	SP_ASSERT(s->tree == tree);
	struct sp_mls_ratchet *target = s->target;
	if (s->at) {
		struct sp_mls_secret_node *n = s->grown;
		for (unsigned level = s->at_level; level > 0; level--)
			n = n->child[sp__mls_secret_side(s->leaf, level - 1)];
		target = &n->ratchets[s->type];
		sp_secret_clear(&s->at->secret);
		*s->at = *s->grown; /* its secret was consumed when it was split */
		*s->grown = (struct sp_mls_secret_node){0};
	}
	ratchet_clear(target);
	*target = s->next;
	s->next = (struct sp_mls_ratchet){0};
	sp__mls_secret_step_free(step);
}
