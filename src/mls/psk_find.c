/* SPDX-License-Identifier: Apache-2.0
 *
 * Where pre-shared keys come from: the group's own resumption PSKs, else the caller. RFC 9420 sections 8.4 and 8.6.
 */
#include "mls/group_priv.h"

#include "base/limits.h"

#define PSK_MAX (64u << 10)

void sp__mls_psks_clear(struct sp_mls_psk_list *psks)
{
	for (size_t i = 0; i < psks->n; i++)
		sp_buf_clear(&psks->list[i].secret);
	sp_free(psks->list);
	*psks = (struct sp_mls_psk_list){0};
}

static enum sp_err find_one(const struct sp_mls_env *env, struct sp_mls_psk *out, const struct sp_mls_group *group, const struct sp_mls_psk_id *id)
{
	out->id = *id;
	sp_buf_init(&out->secret, PSK_MAX);
	if (group && id->type == SP_MLS_PSK_RESUMPTION && sp_bytes_equal(id->group_id, group->view.context.group_id)) {
		const struct sp_secret *own = sp__mls_group_resumption(group, id->epoch);
		if (own)
			return sp_buf_append(&out->secret, sp_secret_bytes(own));
	}
	if (!env->psks || !env->psks->find)
		return SP_FAIL(env->diag, SP_ERR_NEED_PSK, 0, "a pre-shared key is not known");
	enum sp_err e = env->psks->find(env->psks->ctx, &out->secret, id);
	if (e == SP_ERR_NOT_FOUND)
		e = SP_ERR_NEED_PSK;
	return e == SP_OK ? e : SP_FAIL(env->diag, e, 0, "the caller has no such pre-shared key");
}

enum sp_err sp__mls_psks_find(const struct sp_mls_env *env, struct sp_mls_psk_list *out, const struct sp_mls_group *group,
			      const struct sp_mls_psk_id *ids, size_t n)
{
	if (n == 0)
		return SP_OK;
	out->list = sp_alloc_array(n, sizeof *out->list);
	if (!out->list)
		return SP_ERR_NOMEM;
	for (; out->n < n; out->n++) {
		enum sp_err e = find_one(env, &out->list[out->n], group, &ids[out->n]);
		if (e == SP_OK)
			continue;
		sp_buf_clear(&out->list[out->n].secret);
		return e;
	}
	return SP_OK;
}

enum sp_err sp__mls_psks_of(const struct sp_mls_env *env, struct sp_mls_psk_list *out, const struct sp_mls_group *group, const struct sp_mls_transition *t)
{
	if (t->n_psks == 0)
		return SP_OK;
	struct sp_mls_psk_id *ids = sp_alloc_array(t->n_psks, sizeof *ids);
	if (!ids)
		return SP_ERR_NOMEM;
	size_t n = 0;
	for (size_t i = 0; i < t->n_props; i++) {
		if (t->props[i].pub.type == SP_MLS_PROPOSAL_PSK)
			ids[n++] = t->props[i].pub.psk;
	}
	enum sp_err e = sp__mls_psks_find(env, out, group, ids, n);
	sp_free(ids);
	return e;
}
