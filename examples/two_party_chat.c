/* SPDX-License-Identifier: Apache-2.0
 *
 * Two people, one MLS group, and a folder for a network: whatever one sends is a file that the other reads.
 *
 *	two_party_chat FOLDER
 *
 * Shown: a key package, a group, a commit with its Welcome, joining, and messages both ways. The order of every change is the same: the library
 * *stages* it, the program stores its rows, the group *applies* it. Here the rows stay in memory; a real client writes them in one transaction.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sealpost/crypto.h>
#include <sealpost/mls.h>

#define SUITE 1 /* MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 */

static void must(enum sp_err e, const char *what)
{
	if (e == SP_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, sp_err_text(e));
	exit(1);
}

/* -- the folder: a message is a file --------------------------------------------------------------------------------------- */

static const char *folder;

static FILE *open_message(const char *name, const char *mode)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, mode);
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static void post(const char *name, struct sp_bytes message)
{
	FILE *f = open_message(name, "wb");
	size_t n = fwrite(message.p, 1, message.n, f);
	if (fclose(f) != 0 || n != message.n)
		exit(1);
}

/* Fills a buffer that the caller clears. */
static struct sp_bytes fetch(struct sp_buf *out, const char *name)
{
	uint8_t part[4096];
	size_t n;
	FILE *f = open_message(name, "rb");
	sp_buf_clear(out);
	sp_buf_init(out, 1u << 20);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		must(sp_buf_append(out, (struct sp_bytes){part, n}), "read");
	fclose(f);
	return sp_buf_bytes(out);
}

/* -- a person ------------------------------------------------------------------------------------------------------------------- */

struct person {
	const char *name;
	struct sp_sign_key *key;
	struct sp_signer signer;
	struct sp_rng rng;
	struct sp_mls_validator validator;
	struct sp_mls_env env; /* what every call is given */
	struct sp_buf ref, priv; /* of the key package that waits for a Welcome */
	struct sp_mls_group *group;
};

/* Who may be in the group is this program's decision: here, anybody with a basic credential. */
static enum sp_err check_credential(void *ctx, const struct sp_mls_credential_check *check)
{
	return check->credential.type == SP_MLS_CREDENTIAL_BASIC ? SP_OK : SP_ERR_DENIED;
}

static void person_init(struct person *p, const char *name)
{
	*p = (struct person){.name = name, .rng = sp_rng_system(), .validator = {.check = check_credential}};
	must(sp_sign_key_generate(&p->key, SP_SIG_ED25519), "key");
	p->signer = sp_sign_key_signer(p->key);
	p->env = (struct sp_mls_env){
		.size = sizeof p->env, .rng = &p->rng, .now = {time(NULL) * (int64_t)1000}, .signer = &p->signer, .validator = &p->validator};
	sp_buf_init(&p->ref, 1024);
	sp_buf_init(&p->priv, 1u << 16);
}

static void person_clear(struct person *p)
{
	sp_mls_group_free(&p->group);
	sp_sign_key_free(&p->key);
	sp_buf_clear(&p->ref);
	sp_buf_clear(&p->priv);
}

static struct sp_mls_leaf_params leaf_of(const struct person *p)
{
	return (struct sp_mls_leaf_params){.size = sizeof(struct sp_mls_leaf_params),
					   .credential = {SP_MLS_CREDENTIAL_BASIC, {(const uint8_t *)p->name, strlen(p->name)}}};
}

/* The library asks for the private half of a key package by its reference. */
static enum sp_err find_key_package(void *ctx, struct sp_buf *out, struct sp_bytes ref)
{
	const struct person *p = ctx;
	if (ref.n != p->ref.n || memcmp(ref.p, p->ref.p, ref.n) != 0)
		return SP_ERR_NOT_FOUND;
	return sp_buf_append(out, sp_buf_bytes(&p->priv));
}

/* A staged change: its rows would be stored here, in one transaction; then the group takes it. */
static void settle(struct person *p, struct sp_mls_staged **staged)
{
	struct sp_mls_rows rows = sp_mls_staged_write_set(*staged);
	(void)rows;
	must(sp_mls_group_apply(p->group, staged), "apply");
}

/* -- what they do ------------------------------------------------------------------------------------------------------------------ */

static void publish_key_package(struct person *p)
{
	struct sp_mls_key_package_params params = {.size = sizeof params, .suite = SUITE, .leaf = leaf_of(p)};
	struct sp_buf message;
	sp_buf_init(&message, 1u << 16);
	must(sp_mls_key_package_new(&p->env, &message, &p->ref, &p->priv, &params), "key package");
	post("key-package", sp_buf_bytes(&message));
	sp_buf_clear(&message);
}

static void create_and_add(struct person *p)
{
	struct sp_mls_group_params params = {.size = sizeof params, .suite = SUITE, .leaf = leaf_of(p)};
	struct sp_buf package = {.p = NULL};
	struct sp_mls_staged *staged;
	must(sp_mls_group_new(&p->env, &p->group, &params), "group");
	struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = fetch(&package, "key-package")};
	struct sp_mls_commit_params commit = {.size = sizeof commit,
					      .proposals = &add,
					      .n_proposals = 1,
					      .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE,
					      .welcome_with_tree = true};
	must(sp_mls_group_commit(&p->env, p->group, &staged, &commit), "commit");
	post("welcome", sp_mls_staged_info(staged)->welcome);
	settle(p, &staged); /* the commit is pending; nobody else can refuse it, so it is merged at once */
	must(sp_mls_group_merge_pending(&p->env, p->group, &staged), "merge");
	settle(p, &staged);
	sp_buf_clear(&package);
}

static void join(struct person *p)
{
	struct sp_mls_key_package_lookup lookup = {find_key_package, p};
	struct sp_buf welcome = {.p = NULL};
	struct sp_mls_join *joining;
	struct sp_mls_join_params params = {.size = sizeof params, .welcome = fetch(&welcome, "welcome"), .key_packages = &lookup};
	must(sp_mls_join_open(&p->env, &joining, &params), "join");
	printf("%s joins a group of %u\n", p->name, (unsigned)sp_mls_view_member_count(sp_mls_join_info(joining)->view));
	p->group = sp_mls_join_accept(&joining); /* after sp_mls_join_write_set was stored */
	sp_buf_clear(&welcome);
}

static void say(struct person *p, const char *name, const char *text)
{
	struct sp_mls_staged *staged;
	struct sp_bytes data = {(const uint8_t *)text, strlen(text)}, none = {NULL, 0};
	must(sp_mls_group_protect(&p->env, p->group, &staged, data, none, 32), "protect");
	struct sp_bytes message = sp_mls_staged_info(staged)->message;
	post(name, message); /* a real client sends it after the rows are stored */
	settle(p, &staged);
}

static void hear(struct person *p, const char *name)
{
	struct sp_mls_staged *staged;
	struct sp_buf message = {.p = NULL};
	must(sp_mls_group_process(&p->env, p->group, &staged, fetch(&message, name)), "process");
	const struct sp_mls_staged_info *info = sp_mls_staged_info(staged);
	printf("%s hears %.*s say: %.*s\n", p->name, (int)info->from.credential.data.n, (const char *)info->from.credential.data.p, (int)info->data.n,
	       (const char *)info->data.p);
	settle(p, &staged);
	sp_buf_clear(&message);
}

int main(int argc, char **argv)
{
	struct person alice, bob;
	if (argc != 2) {
		fprintf(stderr, "usage: two_party_chat FOLDER\n");
		return 2;
	}
	folder = argv[1];
	person_init(&alice, "alice");
	person_init(&bob, "bob");
	publish_key_package(&bob);
	create_and_add(&alice);
	join(&bob);
	say(&alice, "message-1", "hello, bob");
	hear(&bob, "message-1");
	say(&bob, "message-2", "hello, alice");
	hear(&alice, "message-2");
	person_clear(&alice);
	person_clear(&bob);
	return 0;
}
