/* SPDX-License-Identifier: Apache-2.0
 *
 * What protocol_client.py leaves to us: keys, signed device lists, and MLS bytes (RFC 9420). One command a line on
 * stdin; each answer is lines of `name base64`, then a line with a dot. Its own validator accepts every credential and it
 * follows no rules of rooms: it is a test's helper, and a malicious member's.
 *
 *   identity NAME ORGANISATION     -> key csr device_list account_id device_id
 *   certificate BASE64             ->
 *   key_package last_resort|once   -> key_package
 *   room ROOM_ID [open]            -> group_info ratchet_tree       (base64 of 16 bytes; private, by invitation, we are its admin)
 *   seal BASE64                    -> message                        (a Content's bytes)
 *   add KEY_PACKAGE CRL_NUMBER     -> commit group_info welcome      (as if it was accepted at once)
 *   list DEVICE_ID                 -> device_list                    (the next version: ours, and a device of this id; `none`: ours alone)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mls/mls.h"
#include "pki/device_list.h"
#include "rules/rules.h"
#include "verdict/verdict.h"

#define LINE_MAX_BYTES (1u << 16)

struct helper {
	struct sp_sign_key *key;
	struct sp_signer signer;
	struct sp_id16 account;
	char address[SP_LIMIT_ADDRESS + 1];
	struct sp_device_entry device;
	struct sp_hash32 head; /* of our newest device list */
	uint32_t version;
	struct sp_buf chain; /* certificates<V> */
	struct sp_mls_group *group;
	struct sp_rng rng;
	struct sp_mls_validator validator;
	struct sp_mls_env env;
};

static void need(enum sp_err e, const char *what)
{
	if (e == SP_OK)
		return;
	fprintf(stderr, "mls_helper: %s: %s\n", what, sp_err_name(e));
	exit(1);
}

static void answer(const char *name, struct sp_bytes value)
{
	struct sp_buf text;
	sp_buf_init(&text, 1u << 24);
	need(sp_base64_encode(&text, value), "base64");
	printf("%s %.*s\n", name, (int)text.n, (const char *)text.p);
	sp_buf_clear(&text);
}

static void from_text(struct sp_buf *out, const char *text)
{
	sp_buf_init(out, LINE_MAX_BYTES);
	need(sp_base64_decode(out, sp_bytes_str(text)), "argument");
}

static enum sp_err accept_all(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

static void sign_list(struct helper *h, const char *name, const char *org, struct sp_buf *out)
{
	struct sp_pki_point point;
	struct sp_device_list list = {.version = 1, .devices_n = 1, .time = h->env.now};
	snprintf(h->address, sizeof h->address, "%s@%s", name, org);
	need(sp_rng_fill(&h->rng, list.account_id.b, sizeof list.account_id.b), "random");
	need(sp_rng_fill(&h->rng, list.devices[0].device_id.b, sizeof list.devices[0].device_id.b), "random");
	need(sp_pki_point_decode(&point, h->signer.public_key), "point");
	need(sp_pki_spki_hash(&list.devices[0].spki_hash, &point), "hash");
	list.address = sp_bytes_str(h->address);
	list.devices[0].name = SP_BYTES_LIT("python");
	list.devices[0].added = list.time;
	need(sp_device_list_sign(out, &list, &h->signer), "device list");
	need(sp_sha256(&h->head, sp_buf_bytes(out)), "hash");
	h->account = list.account_id;
	h->device = list.devices[0];
	h->version = 1;
	answer("account_id", sp_id16_bytes(&list.account_id));
	answer("device_id", sp_id16_bytes(&list.devices[0].device_id));
}

static void do_identity(struct helper *h, const char *name, const char *org)
{
	struct sp_buf key, csr, list;
	sp_buf_init(&key, 1024);
	sp_buf_init(&csr, 4096);
	sp_buf_init(&list, 1u << 16);
	need(sp_sign_key_generate(&h->key, SP_SIG_ECDSA_P256_SHA256), "key");
	h->signer = sp_sign_key_signer(h->key);
	need(sp_sign_key_to_pkcs8(h->key, &key), "pkcs8");
	need(sp_pki_csr_build(&csr, h->key), "csr");
	sign_list(h, name, org, &list);
	answer("key", sp_buf_bytes(&key));
	answer("csr", sp_buf_bytes(&csr));
	answer("device_list", sp_buf_bytes(&list));
	sp_buf_clear(&key);
	sp_buf_clear(&csr);
	sp_buf_clear(&list);
}

static void do_certificate(struct helper *h, const char *text)
{
	struct sp_buf der;
	from_text(&der, text);
	struct sp_bytes certificate = sp_buf_bytes(&der);
	sp_buf_clear(&h->chain);
	need(sp_mls_credential_chain(&h->chain, &certificate, 1), "chain");
	sp_buf_clear(&der);
}

static struct sp_mls_leaf_params leaf_of(const struct helper *h)
{
	static const uint16_t suites[] = {SP_VERDICT_SUITE};
	static const uint16_t extensions[] = {SP_RULES_EXTENSION_ROOM_STATE, 0xF001, SP_MLS_EXTENSION_LAST_RESORT};
	static const uint16_t credentials[] = {SP_MLS_CREDENTIAL_X509};
	return (struct sp_mls_leaf_params){
		.size = sizeof(struct sp_mls_leaf_params),
		.credential = {SP_MLS_CREDENTIAL_X509, sp_buf_bytes(&h->chain)},
		.suites = {suites, 1},
		.extension_types = {extensions, 3},
		.credential_types = {credentials, 1},
	};
}

static void do_key_package(struct helper *h, const char *kind)
{
	struct sp_buf message, ref, blob;
	struct sp_mls_key_package_params params = {.size = sizeof params, .suite = SP_VERDICT_SUITE, .leaf = leaf_of(h)};
	params.last_resort = strcmp(kind, "last_resort") == 0;
	sp_buf_init(&message, 1u << 16);
	sp_buf_init(&ref, 64);
	sp_buf_init(&blob, 1u << 16);
	need(sp_mls_key_package_new(&h->env, &message, &ref, &blob, &params), "key package");
	answer("key_package", sp_buf_bytes(&message));
	sp_buf_clear(&message);
	sp_buf_clear(&ref);
	sp_buf_clear(&blob);
}

static void do_list(struct helper *h, const char *text)
{
	struct sp_buf out, id;
	struct sp_device_list list = {.version = ++h->version, .devices_n = 1, .time = h->env.now, .account_id = h->account, .previous_hash = h->head};
	list.address = sp_bytes_str(h->address);
	list.devices[0] = h->device;
	if (strcmp(text, "none") != 0) {
		from_text(&id, text);
		list.devices[1] = h->device;
		list.devices_n = 2;
		need(sp_rng_fill(&h->rng, list.devices[1].spki_hash.b, sizeof list.devices[1].spki_hash.b), "random");
		need(id.n == sizeof list.devices[1].device_id.b ? SP_OK : SP_ERR_USAGE, "device id");
		sp_copy(list.devices[1].device_id.b, id.p, id.n);
		sp_buf_clear(&id);
	}
	sp_buf_init(&out, 1u << 16);
	need(sp_device_list_sign(&out, &list, &h->signer), "device list");
	need(sp_sha256(&h->head, sp_buf_bytes(&out)), "hash");
	answer("device_list", sp_buf_bytes(&out));
	sp_buf_clear(&out);
}

static void merge(struct helper *h)
{
	struct sp_mls_staged *staged;
	need(sp_mls_group_merge_pending(&h->env, h->group, &staged), "merge");
	need(sp_mls_group_apply(h->group, &staged), "apply");
}

static void do_add(struct helper *h, const char *package, const char *crl)
{
	const struct sp_rules_context at = {strtoull(crl, NULL, 10)};
	struct sp_buf message, context;
	struct sp_mls_staged *staged;
	from_text(&message, package);
	sp_buf_init(&context, 64);
	need(sp_rules_context_encode(&context, &at), "context");
	const struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&message)};
	const struct sp_mls_commit_params params = {
		.size = sizeof params,
		.proposals = &add,
		.n_proposals = 1,
		.force_path = true,
		.authenticated_data = sp_buf_bytes(&context),
		.wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE,
		.with_group_info = true,
	};
	need(sp_mls_group_commit(&h->env, h->group, &staged, &params), "commit");
	answer("commit", sp_mls_staged_info(staged)->message);
	answer("group_info", sp_mls_staged_info(staged)->group_info);
	answer("welcome", sp_mls_staged_info(staged)->welcome);
	need(sp_mls_group_apply(h->group, &staged), "apply");
	merge(h);
	sp_buf_clear(&message);
	sp_buf_clear(&context);
}

static void do_room(struct helper *h, const char *text, const char *join)
{
	struct sp_buf id, state, info, tree;
	const struct sp_rules_role_entry admin = {h->account, SP_RULES_ADMIN};
	const bool is_open = join && strcmp(join, "open") == 0;
	const struct sp_rules_state kind = {SP_RULES_PRIVATE, SP_RULES_ROOM, is_open ? SP_RULES_OPEN : SP_RULES_INVITATION, SP_BYTES_NONE};
	struct sp_mls_group_info_params info_params = {.size = sizeof info_params};
	from_text(&id, text);
	sp_buf_init(&state, 4096);
	sp_buf_init(&info, 1u << 20);
	sp_buf_init(&tree, 1u << 20);
	need(sp_rules_state_encode(&state, &kind, &admin, 1), "room state");
	struct sp_mls_extension extension = {SP_RULES_EXTENSION_ROOM_STATE, sp_buf_bytes(&state)};
	struct sp_mls_group_params params = {
		.size = sizeof params,
		.suite = SP_VERDICT_SUITE,
		.group_id = sp_buf_bytes(&id),
		.leaf = leaf_of(h),
		.extensions = {&extension, 1},
	};
	sp_mls_group_free(&h->group);
	need(sp_mls_group_new(&h->env, &h->group, &params), "group");
	need(sp_mls_group_info_export(&h->env, h->group, &info, &info_params), "group info");
	need(sp_mls_view_ratchet_tree(sp_mls_group_view(h->group), &tree), "tree");
	answer("group_info", sp_buf_bytes(&info));
	answer("ratchet_tree", sp_buf_bytes(&tree));
	sp_buf_clear(&id);
	sp_buf_clear(&state);
	sp_buf_clear(&info);
	sp_buf_clear(&tree);
}

static void do_seal(struct helper *h, const char *text)
{
	struct sp_buf content;
	struct sp_mls_staged *staged;
	from_text(&content, text);
	need(sp_mls_group_protect(&h->env, h->group, &staged, sp_buf_bytes(&content), SP_BYTES_NONE, 64), "protect");
	answer("message", sp_mls_staged_info(staged)->message);
	need(sp_mls_group_apply(h->group, &staged), "apply");
	sp_buf_clear(&content);
}

static void obey(struct helper *h, char *line)
{
	char *save, *verb = strtok_r(line, " \n", &save), *first = strtok_r(NULL, " \n", &save), *second = strtok_r(NULL, " \n", &save);
	if (verb && first && second && strcmp(verb, "identity") == 0)
		do_identity(h, first, second);
	else if (verb && first && strcmp(verb, "certificate") == 0)
		do_certificate(h, first);
	else if (verb && first && strcmp(verb, "key_package") == 0)
		do_key_package(h, first);
	else if (verb && first && strcmp(verb, "room") == 0)
		do_room(h, first, second);
	else if (verb && first && second && strcmp(verb, "add") == 0)
		do_add(h, first, second);
	else if (verb && first && strcmp(verb, "list") == 0)
		do_list(h, first);
	else if (verb && first && strcmp(verb, "seal") == 0)
		do_seal(h, first);
	else
		need(SP_ERR_USAGE, "command");
	puts(".");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static char line[LINE_MAX_BYTES];
	struct helper h = {.rng = sp_rng_system(), .validator = {.check = accept_all}};
	/* seconds since 1970, so that this program asks no clock */
	h.env = (struct sp_mls_env){.size = sizeof h.env, .rng = &h.rng, .signer = &h.signer, .validator = &h.validator};
	h.env.now.ms = argc > 1 ? strtoll(argv[1], NULL, 10) * 1000 : 0;
	sp_buf_init(&h.chain, 1u << 16);
	need(sp_crypto_init(), "crypto");
	while (fgets(line, sizeof line, stdin))
		obey(&h, line);
	sp_mls_group_free(&h.group);
	sp_sign_key_free(&h.key);
	sp_buf_clear(&h.chain);
	return 0;
}
