/* SPDX-License-Identifier: Apache-2.0
 *
 * One request's environment of MLS: the verdict's source is the front's own trust store and its store of people.
 */
#include "server/rooms_priv.h"

#define PRODUCT_LIFETIME_S (60 * 24 * 3600 + 3600) /* a key package's leaf: 60 days and the hour of backdating (M10) */

static enum sp_err source_judge(void *ctx, struct sp_pki_identity *out, struct sp_bytes cert, const struct sp_pki_question *question)
{
	struct sp__identity *identity = &((struct sp__judge *)ctx)->server->identity;
	enum sp_err err;

	(void)pthread_mutex_lock(&identity->lock);
	err = sp_pki_trust_judge(identity->trust, out, cert, question);
	(void)pthread_mutex_unlock(&identity->lock);
	return err;
}

static enum sp_err source_account(void *ctx, const struct sp_device_chain **out_chain, bool *out_disabled, const struct sp_id16 *account)
{
	struct sp__judge *j = ctx;

	*out_chain = &j->chain;
	return sp__people_chain(sp__rooms_people(j->server), &j->chain, out_disabled, account);
}

void sp__judge_init(struct sp__judge *j, struct sp_server *server, struct sp_time at)
{
	*j = (struct sp__judge){.server = server};
	j->source = (struct sp_verdict_source){.ctx = j, .judge = source_judge, .account = source_account};
	sp_verdict_init(&j->verdict, &j->source, at, &j->diag);
	j->limits = (struct sp_mls_limits){.size = sizeof j->limits, .max_lifetime_s = PRODUCT_LIFETIME_S};
	j->env = (struct sp_mls_env){
		.size = sizeof j->env,
		.now = at,
		.validator = &j->verdict.validator,
		.policy = &j->verdict.policy,
		.limits = &j->limits,
		.diag = &j->mls_diag,
	};
}

enum sp_err sp__judge_is_whose(const struct sp_mls_credential *credential, const struct sp_server_who *who)
{
	struct sp_rules_party party;

	SP_TRY(sp_verdict_party(&party, credential));
	return sp_id16_equal(&party.account, &who->account) && sp_id16_equal(&party.device, &who->device) ? SP_OK : SP_ERR_DENIED;
}

/* A client can neither fetch a credential for us nor a key; a message that is "own" to a server is nonsense. Else it may know. */
static enum sp_err translate(enum sp_err err)
{
	if (err == SP_ERR_NEED_CREDENTIAL || err == SP_ERR_NEED_PSK || err == SP_ERR_NEED_TREE)
		return SP_ERR_DENIED;
	if (err == SP_ERR_OWN || err == SP_ERR_WRONG_GROUP || err == SP_ERR_NOT_FOR_ME || err == SP_ERR_KEY_GONE)
		return SP_ERR_INVALID;
	return err;
}

enum sp_err sp__judge_verdict(struct sp_server_request *req, const struct sp__judge *j, enum sp_err err)
{
	enum sp_err_class class = sp_err_class(err);
	const struct sp_diag *diag = j->diag.err == err ? &j->diag : &j->mls_diag;

	if (err == diag->err && (class == SP_CLASS_INPUT || class == SP_CLASS_AUTH || class == SP_CLASS_LIMIT))
		req->rule = diag->rule;
	return translate(err);
}

enum sp_err sp__answer_appended(struct sp_server_request *req, uint64_t seq)
{
	struct sp_wire_appended answer = {.seq = seq, .time_ms = (uint64_t)req->op.time.ms};

	return sp_wire_appended_encode(&req->answer, &answer);
}
