/* SPDX-License-Identifier: Apache-2.0
 *
 * Who the peer is: identities, key packages, groups, PSKs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mls/leaf_priv.h"
#include "peer.h"

#define MAX_BYTES (1u << 28)
#define DAY_S (24ll * 3600)

/* Code points of the private range that other peers may use with us, and last_resort. */
static const uint16_t private_types[] = {0x000A, 0xF000, 0xF001, 0xF002, 0xF003, 0xF004, 0xF005, 0xF006, 0xF007, 0xFF00, 0xFF01, 0xFF02};
static const uint16_t credential_types[] = {SP_MLS_CREDENTIAL_BASIC, SP_MLS_CREDENTIAL_X509};

/* -- lookups ------------------------------------------------------------------------------------------------------------------- */

static enum sp_err accept(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

/* Successors of groups, and those who resynchronise, are known by their name: two devices of one name are two clients elsewhere. */
static bool same_client(void *ctx, const struct sp_mls_member *a, const struct sp_mls_member *b)
{
	const struct peer *p = ctx;
	return sp_bytes_equal(a->signature_key, b->signature_key) ||
	       (p->same_by_name && a->credential.type == b->credential.type && sp_bytes_equal(a->credential.data, b->credential.data));
}

static enum sp_err find_psk(void *ctx, struct sp_buf *out, const struct sp_mls_psk_id *id)
{
	const struct peer *p = ctx;
	for (const struct peer_psk *k = p->psks; id->type == SP_MLS_PSK_EXTERNAL && k; k = k->next) {
		if (sp_bytes_equal(sp_buf_bytes(&k->id), id->id))
			return sp_buf_append(out, sp_buf_bytes(&k->secret));
	}
	for (const struct peer_group *g = p->groups; id->type == SP_MLS_PSK_RESUMPTION && g; g = g->next) {
		if (sp_bytes_equal(sp_mls_view_group_id(sp_mls_group_view(g->group)), id->group_id) &&
		    sp_mls_group_resumption_psk(g->group, out, id->epoch) == SP_OK)
			return SP_OK;
	}
	return SP_ERR_NOT_FOUND;
}

static enum sp_err find_key_package(void *ctx, struct sp_buf *out, struct sp_bytes ref)
{
	struct peer *p = ctx;
	for (struct key_package *k = p->key_packages; k; k = k->next) {
		if (!sp_bytes_equal(sp_buf_bytes(&k->ref), ref) || (p->kp_wanted && strcmp(p->kp_wanted, k->id) != 0))
			continue;
		p->found = k;
		return sp_buf_append(out, sp_buf_bytes(&k->priv));
	}
	return SP_ERR_NOT_FOUND;
}

void peer_init(struct peer *p)
{
	*p = (struct peer){.rng = sp_rng_system()};
	p->validator = (struct sp_mls_validator){accept, same_client, p};
	p->psk_lookup = (struct sp_mls_psk_lookup){find_psk, p};
	p->key_package_lookup = (struct sp_mls_key_package_lookup){find_key_package, p};
	p->limits = (struct sp_mls_limits){.size = sizeof p->limits, .max_lifetime_s = INT64_MAX, .resumption_epochs = 1000};
	p->env = (struct sp_mls_env){.size = sizeof p->env,
				     .rng = &p->rng,
				     .validator = &p->validator,
				     .psks = &p->psk_lookup,
				     .limits = &p->limits,
				     .diag = &p->diag};
}

const struct sp_mls_env *env_of(struct peer *p, const struct identity *who)
{
	p->env.now.ms = (int64_t)time(NULL) * 1000;
	p->env.signer = who ? &who->signer : NULL;
	return &p->env;
}

static void key_package_free(struct key_package *k)
{
	sp_buf_clear(&k->message);
	sp_buf_clear(&k->ref);
	sp_buf_clear(&k->priv);
	sp_free(k);
}

void key_package_forget(struct peer *p, struct key_package *k)
{
	for (struct key_package **at = &p->key_packages; *at; at = &(*at)->next) {
		if (*at != k)
			continue;
		*at = k->next;
		key_package_free(k);
		return;
	}
}

void peer_clear(struct peer *p)
{
	for (struct peer_group *g = p->groups, *next; g; g = next) {
		next = g->next;
		sp_mls_group_free(&g->group);
		sp_free(g);
	}
	for (struct key_package *k = p->key_packages, *next; k; k = next) {
		next = k->next;
		key_package_free(k);
	}
	for (struct identity *i = p->identities, *next; i; i = next) {
		next = i->next;
		sp_sign_key_free(&i->key);
		sp_buf_clear(&i->credential);
		sp_free(i);
	}
	for (struct peer_psk *k = p->psks, *next; k; k = next) {
		next = k->next;
		sp_buf_clear(&k->id);
		sp_buf_clear(&k->secret);
		sp_free(k);
	}
	scratch_clear(p);
}

/* -- identities ------------------------------------------------------------------------------------------------------------------ */

static enum sp_err read_chain(struct peer *p, const json_t *chain, struct identity *who)
{
	size_t n = json_array_size(chain);
	struct sp_bytes *ders = scratch_alloc(p, (n + 1) * sizeof *ders);
	for (size_t i = 0; i < n; i++)
		SP_TRY(value_bytes(p, json_array_get(chain, i), &ders[i]));
	who->credential_type = SP_MLS_CREDENTIAL_X509;
	return sp_mls_credential_chain(&who->credential, ders, n);
}

static enum sp_err fill_identity(struct peer *p, const json_t *request, uint16_t suite, struct identity *who)
{
	struct sp_mls_suite s;
	struct sp_bytes priv, pub, name;
	SP_TRY(sp__mls_suite_find(&s, &p->env, suite));
	SP_TRY(get_bytes(p, request, "sig_priv", &priv));
	SP_TRY(priv.n ? sp_sign_key_from_pkcs8(&who->key, priv) : sp_sign_key_generate(&who->key, s.sig));
	who->signer = sp_sign_key_signer(who->key);
	SP_TRY(get_bytes(p, request, "sig_pub", &pub));
	if (pub.n != 0 && !sp_bytes_equal(pub, who->signer.public_key))
		return SP_FAIL(&p->diag, SP_ERR_USAGE, 0, "sig_pub is not the public key of sig_priv");
	if (json_object_get(request, "x509_chain"))
		return read_chain(p, json_object_get(request, "x509_chain"), who);
	who->credential_type = SP_MLS_CREDENTIAL_BASIC;
	SP_TRY(get_identity(p, request, &name));
	return sp_buf_append(&who->credential, name);
}

enum sp_err identity_new(struct peer *p, struct identity **out)
{
	struct identity *who = sp_alloc(sizeof *who);
	if (!who)
		return SP_ERR_NOMEM;
	sp_buf_init(&who->credential, MAX_BYTES);
	who->next = p->identities;
	p->identities = who;
	*out = who;
	return SP_OK;
}

enum sp_err identity_of(struct peer *p, const json_t *request, uint16_t suite, struct identity **out)
{
	SP_TRY(identity_new(p, out));
	return fill_identity(p, request, suite, *out);
}

enum sp_err identity_from_leaf(struct identity *who, const struct sp_mls_group *group)
{
	struct sp_mls_member own;
	if (sp_mls_group_state(group) == SP_MLS_GROUP_REMOVED)
		return SP_OK;
	SP_TRY(sp_mls_view_member(&own, sp_mls_group_view(group), sp_mls_group_own_leaf(group)));
	who->credential_type = own.credential.type;
	return sp_buf_append(&who->credential, own.credential.data);
}

struct sp_mls_leaf_params leaf_of(const struct identity *who, const json_t *request)
{
	return (struct sp_mls_leaf_params){.size = sizeof(struct sp_mls_leaf_params),
					   .credential = {who->credential_type, sp_buf_bytes(&who->credential)},
					   .extension_types = {private_types, SP_ARRAY_LEN(private_types)},
					   .proposal_types = {private_types + 1, SP_ARRAY_LEN(private_types) - 1},
					   .credential_types = {credential_types, SP_ARRAY_LEN(credential_types)},
					   .grease = get_bool(request, "grease", false)};
}

/* -- key packages --------------------------------------------------------------------------------------------------------------------- */

static void read_lifetime(struct peer *p, const json_t *request, struct sp_mls_key_package_params *params)
{
	const json_t *life = json_object_get(request, "lifetime");
	int64_t now = (int64_t)time(NULL);
	if (json_is_array(life)) {
		params->not_before_s = json_integer_value(json_array_get(life, 0));
		params->not_after_s = json_integer_value(json_array_get(life, 1));
	} else if (json_is_string(life) && strcmp(json_string_value(life), "max") == 0) {
		params->not_after_s = INT64_MAX;
	} else if (json_is_string(life)) {
		params->not_before_s = now - 3600;
		params->not_after_s = now + DAY_S;
	}
}

static enum sp_err make_key_package(struct peer *p, const json_t *request, struct key_package *k)
{
	struct sp_mls_key_package_params params = {.size = sizeof params, .last_resort = get_bool(request, "last_resort", false)};
	params.suite = k->suite = (uint16_t)get_int(request, "suite", 0);
	SP_TRY(identity_of(p, request, k->suite, &k->who));
	params.leaf = leaf_of(k->who, request);
	read_lifetime(p, request, &params);
	return sp_mls_key_package_new(env_of(p, k->who), &k->message, &k->ref, &k->priv, &params);
}

static enum sp_err show_key_package(struct peer *p, json_t *reply, struct key_package *k)
{
	struct sp_mls_key_package_private priv;
	struct sp_bytes signature_priv;
	SP_TRY(sp__mls_key_package_private_decode(&priv, sp_buf_bytes(&k->priv)));
	SP_TRY(raw_key_of(p, k->who, &signature_priv));
	json_object_set_new(reply, "kp_id", json_string(k->id));
	put_bytes(reply, "key_package", sp_buf_bytes(&k->message));
	put_bytes(reply, "key_package_raw", (struct sp_bytes){k->message.p + 4, k->message.n - 4});
	put_bytes(reply, "ref", sp_buf_bytes(&k->ref));
	put_bytes(reply, "init_priv", sp_secret_bytes(&priv.init_priv));
	put_bytes(reply, "encryption_priv", sp_secret_bytes(&priv.encryption_priv));
	put_bytes(reply, "signature_priv", signature_priv);
	sp__mls_key_package_private_clear(&priv);
	return SP_OK;
}

enum sp_err op_key_package(struct peer *p, const json_t *request, json_t *reply)
{
	struct key_package *k = sp_alloc(sizeof *k);
	if (!k)
		return SP_ERR_NOMEM;
	sp_buf_init(&k->message, MAX_BYTES);
	sp_buf_init(&k->ref, MAX_BYTES);
	sp_buf_init(&k->priv, MAX_BYTES);
	snprintf(k->id, sizeof k->id, "kp%u", ++p->counter);
	enum sp_err e = make_key_package(p, request, k);
	if (e != SP_OK) {
		key_package_free(k);
		return e;
	}
	k->next = p->key_packages;
	p->key_packages = k;
	return show_key_package(p, reply, k);
}

/* -- groups ------------------------------------------------------------------------------------------------------------------------------ */

static struct sp_bytes id_of(const struct peer_group *g)
{
	return sp_mls_view_group_id(sp_mls_group_view(g->group));
}

/* Does this membership end the other: it had ended, has the same key, or is the same person resynchronising? */
static bool is_continued(const struct peer *p, const struct peer_group *old, const struct identity *who)
{
	return sp_mls_group_state(old->group) == SP_MLS_GROUP_REMOVED || sp_bytes_equal(old->who->signer.public_key, who->signer.public_key) ||
	       (p->same_by_name && sp_bytes_equal(sp_buf_bytes(&old->who->credential), sp_buf_bytes(&who->credential)));
}

enum sp_err group_add(struct peer *p, struct sp_mls_group **group, struct identity *who, struct peer_group **out)
{
	struct peer_group *g = sp_alloc(sizeof *g);
	if (!g)
		return SP_ERR_NOMEM;
	*g = (struct peer_group){NULL, who, *group, 1};
	*group = NULL;
	for (struct peer_group **at = &p->groups; *at;) {
		struct peer_group *old = *at;
		if (!sp_bytes_equal(id_of(old), id_of(g)) || !is_continued(p, old, who)) {
			if (sp_bytes_equal(id_of(old), id_of(g)))
				g->number = SP_MAX(g->number, old->number + 1);
			at = &old->next;
			continue;
		}
		*at = old->next;
		sp_mls_group_free(&old->group);
		sp_free(old);
	}
	g->next = p->groups;
	p->groups = g;
	*out = g;
	return SP_OK;
}

/* "<group id>", or "<group id>#2". */
static enum sp_err read_name(struct peer *p, const json_t *request, struct sp_bytes *out_id, unsigned *out_number)
{
	const char *text = json_string_value(json_object_get(request, "group"));
	const char *mark = text ? strchr(text, '#') : NULL;
	*out_number = mark ? (unsigned)strtoul(mark + 1, NULL, 10) : 0; /* 0: the last one touched */
	if (!mark)
		return get_bytes(p, request, "group", out_id);
	json_t *id = json_stringn(text, (size_t)(mark - text));
	enum sp_err e = value_bytes(p, id, out_id);
	json_decref(id);
	return e;
}

/* The one named, moved to the front; else the last one touched. */
enum sp_err group_of(struct peer *p, const json_t *request, struct peer_group **out)
{
	struct sp_bytes id;
	unsigned number;
	SP_TRY(read_name(p, request, &id, &number));
	for (struct peer_group **at = &p->groups; *at; at = &(*at)->next) {
		struct peer_group *g = *at;
		if (json_object_get(request, "group") && (!sp_bytes_equal(id, id_of(g)) || (number != 0 && number != g->number)))
			continue;
		*at = g->next;
		g->next = p->groups;
		p->groups = g;
		*out = g;
		return SP_OK;
	}
	return SP_FAIL(&p->diag, SP_ERR_NOT_FOUND, 0, "there is no such group");
}

static void put_name(json_t *reply, const struct peer_group *g)
{
	put_bytes(reply, "group", id_of(g));
	json_object_set_new(reply, "membership", json_sprintf("%s#%u", json_string_value(json_object_get(reply, "group")), g->number));
}

/* Of a chain the end entity's certificate. */
static struct sp_bytes name_of(const struct sp_mls_credential *credential)
{
	struct sp_bytes der;
	if (credential->type == SP_MLS_CREDENTIAL_X509 && sp_mls_credential_certificate(&der, credential, 0) == SP_OK)
		return der;
	return credential->data;
}

static json_t *members_of(const struct sp_mls_view *view)
{
	json_t *members = json_array();
	struct sp_mls_member m;
	for (uint32_t leaf = 0; sp_mls_view_next(&m, view, leaf) == SP_OK; leaf = m.leaf + 1) {
		json_t *one = json_object();
		json_object_set_new(one, "leaf", json_integer(m.leaf));
		put_bytes(one, "identity", name_of(&m.credential));
		json_array_append_new(members, one);
	}
	return members;
}

void put_group(json_t *reply, const struct peer_group *g)
{
	static const char *const states[] = {"active", "removedFromGroup", "suspendedPendingReinit"};
	const struct sp_mls_view *view = sp_mls_group_view(g->group);
	put_name(reply, g);
	json_object_set_new(reply, "epoch", json_integer((json_int_t)sp_mls_view_epoch(view)));
	put_bytes(reply, "epoch_authenticator", sp_mls_group_epoch_authenticator(g->group));
	put_bytes(reply, "tree_hash", sp_mls_view_tree_hash(view));
	put_bytes(reply, "confirmed_transcript_hash", sp_mls_view_confirmed_transcript_hash(view));
	put_bytes(reply, "confirmation_tag", sp_mls_view_confirmation_tag(view));
	json_object_set_new(reply, "own_leaf", json_integer(sp_mls_group_own_leaf(g->group)));
	json_object_set_new(reply, "active", json_string(states[sp_mls_group_state(g->group)]));
	json_object_set_new(reply, "members", members_of(view));
}
