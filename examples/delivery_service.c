/* SPDX-License-Identifier: Apache-2.0
 *
 * A delivery service that knows who is in a group and reads nothing: it follows the group from public handshakes (a *public group*), puts commits
 * into one order, and refuses those of an epoch that has passed. A member is played beside it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <sealpost/crypto.h>
#include <sealpost/mls.h>

static void must(enum sp_err e, const char *what)
{
	if (e == SP_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, sp_err_text(e));
	exit(1);
}

static enum sp_err accept_any(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

/* -- the service: no secrets, no signer ------------------------------------------------------------------------------------- */

struct service {
	struct sp_mls_env env;
	struct sp_mls_public_group *group;
};

static void service_open(struct service *s, struct sp_bytes group_info)
{
	const struct sp_bytes tree_is_inside = {NULL, 0};
	must(sp_mls_public_group_new(&s->env, &s->group, group_info, tree_is_inside), "follow");
}

/* First come, first served: the next commit of the present epoch wins. */
static enum sp_err service_take(struct service *s, struct sp_bytes message)
{
	struct sp_mls_staged *staged;
	enum sp_err e = sp_mls_public_group_process(&s->env, s->group, &staged, message);
	if (e != SP_OK)
		return e;
	/* here: store sp_mls_staged_write_set and the message in one transaction, then hand the message to the others */
	e = sp_mls_public_group_apply(s->group, &staged);
	printf("service: epoch %llu, %u members\n", (unsigned long long)sp_mls_view_epoch(sp_mls_public_group_view(s->group)),
	       (unsigned)sp_mls_view_member_count(sp_mls_public_group_view(s->group)));
	return e;
}

/* -- a member ------------------------------------------------------------------------------------------------------------------ */

static void settle(struct sp_mls_group *group, struct sp_mls_staged **staged)
{
	must(sp_mls_group_apply(group, staged), "apply");
}

/* Commits with a fresh path, as a public message so that the service can follow. Appends it to out. */
static void update(const struct sp_mls_env *env, struct sp_mls_group *group, struct sp_buf *out)
{
	struct sp_mls_staged *staged;
	struct sp_mls_commit_params params = {.size = sizeof params, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE};
	must(sp_mls_group_commit(env, group, &staged, &params), "commit");
	must(sp_buf_append(out, sp_mls_staged_info(staged)->message), "copy");
	settle(group, &staged);
}

static void merge(const struct sp_mls_env *env, struct sp_mls_group *group)
{
	struct sp_mls_staged *staged;
	must(sp_mls_group_merge_pending(env, group, &staged), "merge");
	settle(group, &staged);
}

int main(void)
{
	struct sp_rng rng = sp_rng_system();
	struct sp_sign_key *key;
	must(sp_sign_key_generate(&key, SP_SIG_ED25519), "key");
	struct sp_signer signer = sp_sign_key_signer(key);
	struct sp_mls_validator validator = {.check = accept_any};
	struct sp_time now = {time(NULL) * (int64_t)1000};
	struct sp_mls_env member = {.size = sizeof member, .rng = &rng, .now = now, .signer = &signer, .validator = &validator};
	struct service service = {.env = {.size = sizeof service.env, .now = now, .validator = &validator}};

	struct sp_mls_group *group;
	struct sp_mls_group_params params = {.size = sizeof params, .suite = 1};
	params.leaf = (struct sp_mls_leaf_params){.size = sizeof params.leaf, .credential = {SP_MLS_CREDENTIAL_BASIC, {(const uint8_t *)"alice", 5}}};
	must(sp_mls_group_new(&member, &group, &params), "group");

	struct sp_buf info, first;
	struct sp_mls_group_info_params with_tree = {.size = sizeof with_tree, .with_tree = true};
	sp_buf_init(&info, 1u << 20);
	sp_buf_init(&first, 1u << 20);
	must(sp_mls_group_info_export(&member, group, &info, &with_tree), "GroupInfo");
	service_open(&service, sp_buf_bytes(&info));

	update(&member, group, &first);
	must(service_take(&service, sp_buf_bytes(&first)), "first commit");
	merge(&member, group); /* only now: the service has taken it */
	enum sp_err again = service_take(&service, sp_buf_bytes(&first));
	printf("the same commit again: %s\n", sp_err_text(again));

	sp_buf_clear(&info);
	sp_buf_clear(&first);
	sp_mls_public_group_free(&service.group);
	sp_mls_group_free(&group);
	sp_sign_key_free(&key);
	return again == SP_ERR_STALE_EPOCH ? 0 : 1;
}
