/* SPDX-License-Identifier: Apache-2.0
 *
 * Who we are and whom we believe: our TLS certificate from the keeper, renewed long before its 7 days are over; the organisation's root, its newest
 * CRL; the verdict on clients in the handshake.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "server/core_priv.h"
#include "wire/keeper_msg.h"

#define RENEW_AFTER_MS (3ll * 86400000)

/* -- root and issuing ------------------------------------------------------------------------------------------------------ */

static enum sp_err read_fd(int fd, struct sp_buf *out)
{
	uint8_t part[1024];
	ssize_t n;

	while ((n = read(fd, part, sizeof part)) > 0)
		SP_TRY(sp_buf_append(out, (struct sp_bytes){part, (size_t)n}));
	return n == 0 ? SP_OK : SP_ERR_IO;
}

static enum sp_err read_file(const char *folder, const char *name, struct sp_buf *out)
{
	char path[4096];
	enum sp_err err;
	int fd;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
		return SP_ERR_TOO_LONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return SP_ERR_NOT_FOUND;
	sp_buf_init(out, SP_LIMIT_CERT);
	err = read_fd(fd, out);
	close(fd);
	return err;
}

enum sp_err sp__identity_load(struct sp_server *server)
{
	struct sp__identity *id = &server->identity;

	(void)pthread_mutex_init(&id->lock, NULL);
	sp_buf_init(&id->crl, SP_LIMIT_CRL);
	SP_TRY(read_file(server->config.folder, "root.der", &id->root));
	SP_TRY(read_file(server->config.folder, "issuing.der", &id->issuing));
	SP_TRY(sp_pki_root_fingerprint(&id->fingerprint, sp_buf_bytes(&id->root)));
	return sp_pki_trust_new(&id->trust, &id->fingerprint, sp_buf_bytes(&id->root), sp_buf_bytes(&id->issuing), sp__now());
}

void sp__identity_clear(struct sp_server *server)
{
	struct sp__identity *id = &server->identity;

	sp_pki_trust_free(&id->trust);
	sp_sign_key_free(&id->key);
	sp_buf_clear(&id->root);
	sp_buf_clear(&id->issuing);
	sp_buf_clear(&id->crl);
	(void)pthread_mutex_destroy(&id->lock);
}

/* -- our certificate ---------------------------------------------------------------------------------------------------------- */

static enum sp_err ask_certificate(struct sp_server *server, struct sp_sign_key *key, struct sp_buf *csr, struct sp_buf *question, struct sp_buf *answer)
{
	struct sp_wire_keeper_server_certificate_request wire;

	SP_TRY(sp_pki_csr_build(csr, key));
	wire.csr = sp_buf_bytes(csr);
	SP_TRY(sp_wire_keeper_server_certificate_request_encode(question, &wire));
	return sp__keeper_ask(server->keeper, SP_WIRE_KEEPER_SERVER_CERTIFICATE, sp_buf_bytes(question), answer);
}

static enum sp_err use_certificate(struct sp_server *server, struct sp_sign_key *key, struct sp_bytes answer)
{
	struct sp_wire_keeper_certificate_response wire;

	SP_TRY(sp_wire_keeper_certificate_response_decode(&wire, answer));
	const struct sp_bytes chain[] = {wire.certificate, sp_buf_bytes(&server->identity.issuing), sp_buf_bytes(&server->identity.root)};
	return sp_net_server_identity_set(server->net, chain, SP_ARRAY_LEN(chain), key);
}

enum sp_err sp__identity_renew(struct sp_server *server)
{
	struct sp_sign_key *key = NULL;
	struct sp_buf csr, question, answer;
	enum sp_err err;

	sp_buf_init(&csr, SP_LIMIT_CSR);
	sp_buf_init(&question, SP_WIRE_KEEPER_REQUEST_MAX);
	sp_buf_init(&answer, SP_WIRE_KEEPER_RESPONSE_MAX);
	err = sp_sign_key_generate(&key, SP_SIG_ECDSA_P256_SHA256);
	if (err == SP_OK)
		err = ask_certificate(server, key, &csr, &question, &answer);
	if (err == SP_OK)
		err = use_certificate(server, key, sp_buf_bytes(&answer));
	if (err == SP_OK) {
		sp_sign_key_free(&server->identity.key);
		server->identity.key = key;
		key = NULL;
		server->identity.renew_at.ms = sp__now().ms + RENEW_AFTER_MS;
		sp__evlog_write(&server->evlog, SP__EVENT_CERTIFICATE, NULL, 0);
	}
	sp_sign_key_free(&key);
	sp_buf_clear(&csr);
	sp_buf_clear(&question);
	sp_buf_clear(&answer);
	return err;
}

enum sp_err sp__identity_renew_when_due(struct sp_server *server)
{
	return sp__now().ms < server->identity.renew_at.ms ? SP_OK : sp__identity_renew(server);
}

/* -- the CRL ---------------------------------------------------------------------------------------------------------------------- */

static void tell_crl(struct sp_server_session *s, const void *arg)
{
	if (s->phase == SP_SERVER_DEVICE)
		sp__session_event(s, SP_WIRE_CRL_CHANGED, (struct sp_bytes){arg, 8});
}

static void drop_revoked(struct sp_server_session *s, const void *arg)
{
	struct sp__identity *id = &s->server->identity;
	bool is_revoked;

	if (s->phase == SP_SERVER_ANON)
		return;
	(void)pthread_mutex_lock(&id->lock);
	is_revoked = sp_pki_trust_is_revoked(id->trust, &s->serial, 0);
	(void)pthread_mutex_unlock(&id->lock);
	if (!is_revoked)
		return;
	sp__session_closing(s, SP_WIRE_CLOSING_REVOKED);
	sp_net_conn_close(s->conn, SP_OK);
}

static enum sp_err keep_crl(struct sp__identity *id, struct sp_bytes crl)
{
	SP_TRY(sp_pki_trust_set_crl(id->trust, crl));
	sp_buf_clear(&id->crl);
	return sp_buf_append(&id->crl, crl);
}

static enum sp_err take_crl(struct sp_server *server, struct sp_bytes crl)
{
	struct sp__identity *id = &server->identity;
	uint64_t before = atomic_load(&id->crl_number), number;
	uint8_t body[8];
	enum sp_err err;

	(void)pthread_mutex_lock(&id->lock);
	err = keep_crl(id, crl);
	number = sp_pki_trust_crl_number(id->trust);
	(void)pthread_mutex_unlock(&id->lock);
	SP_TRY(err);
	if (number == before)
		return SP_OK;
	atomic_store(&id->crl_number, number);
	SP__LOG(server, SP__EVENT_CRL, SP__F_NUM("number", number));
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (uint8_t)(number >> (56 - 8 * i));
	sp__sessions_each(server, drop_revoked, body, sizeof body);
	sp__sessions_each(server, tell_crl, body, sizeof body);
	return SP_OK;
}

enum sp_err sp__identity_crl_refresh(struct sp_server *server)
{
	struct sp_wire_keeper_crl_response wire;
	struct sp_buf answer;
	enum sp_err err;

	sp_buf_init(&answer, SP_WIRE_KEEPER_RESPONSE_MAX);
	err = sp__keeper_ask(server->keeper, SP_WIRE_KEEPER_CRL, SP_BYTES_NONE, &answer);
	if (err == SP_OK)
		err = sp_wire_keeper_crl_response_decode(&wire, sp_buf_bytes(&answer));
	if (err == SP_OK)
		err = take_crl(server, wire.crl);
	sp_buf_clear(&answer);
	return err;
}

enum sp_err sp__identity_crl_copy(struct sp_server *server, struct sp_buf *out)
{
	enum sp_err err;

	(void)pthread_mutex_lock(&server->identity.lock);
	err = sp_buf_append(out, sp_buf_bytes(&server->identity.crl));
	(void)pthread_mutex_unlock(&server->identity.lock);
	return err;
}

uint64_t sp_server_crl_number(struct sp_server *server)
{
	return atomic_load(&server->identity.crl_number);
}

/* -- accounts, as the keeper knows them ------------------------------------------------------------------------------------------------ */

struct known {
	uint8_t flags;
	bool is_there;
};

static enum sp_err take_flags(void *ctx, const struct sp_store_account *account)
{
	struct known *k = ctx;

	*k = (struct known){account->flags, true};
	return SP_OK;
}

static enum sp_err put_account(struct sp_server *server, const struct sp_wire_keeper_account *wire)
{
	struct sp_store_op op = {.verb = SP_STORE_ACCOUNT_PUT, .now = sp__now()};
	struct sp_store_op *ops[] = {&op};
	enum sp_err err;

	op.u.account_put.account = (struct sp_store_account){.id = wire->account_id, .address = wire->address, .flags = wire->flags};
	err = sp_store_apply(server->store, ops, 1);
	if (err != SP_OK && err != SP_ERR_DISK_FULL)
		sp__server_fatal(server, err);
	SP_TRY(err);
	SP_TRY(op.err);
	SP__LOG(server, SP__EVENT_ACCOUNT, SP__F_ID("account", &wire->account_id), SP__F_NUM("flags", wire->flags));
	sp_server_publish_directory(server, op.seq);
	return SP_OK;
}

/* The keeper alone says who is an admin and who is disabled; accounts themselves come by enrolment. */
static enum sp_err take_account(struct sp_server *server, const struct sp_wire_keeper_account *wire)
{
	const struct sp_id16 none = {{0}};
	struct known known = {0};
	enum sp_err err = sp_store_account_get(server->store, &wire->account_id, take_flags, &known);

	if (err == SP_ERR_NOT_FOUND || (err == SP_OK && known.flags == wire->flags))
		return SP_OK;
	SP_TRY(err);
	SP_TRY(put_account(server, wire));
	if (wire->flags & SP_STORE_ACCOUNT_DISABLED)
		sp_server_drop(server, &wire->account_id, &none);
	return SP_OK;
}

static enum sp_err take_accounts(struct sp_server *server, struct sp_bytes answer, bool *out_more)
{
	struct sp_wire_keeper_accounts_response wire;
	struct sp_reader r;

	SP_TRY(sp_wire_keeper_accounts_response_decode(&wire, answer));
	r = sp_reader_of(wire.accounts);
	while (!sp_reader_is_empty(&r)) {
		struct sp_wire_keeper_account account;

		SP_TRY(sp_wire_keeper_account_read(&r, &account));
		SP_TRY(take_account(server, &account));
		server->identity.accounts_version = account.changed;
	}
	if (!wire.more)
		server->identity.accounts_version = wire.version;
	*out_more = wire.more;
	return SP_OK;
}

static enum sp_err ask_accounts(struct sp_server *server, struct sp_buf *question, struct sp_buf *answer)
{
	bool more = true;

	while (more) {
		struct sp_wire_keeper_accounts_request wire = {.since = server->identity.accounts_version};

		question->n = 0;
		SP_TRY(sp_wire_keeper_accounts_request_encode(question, &wire));
		SP_TRY(sp__keeper_ask(server->keeper, SP_WIRE_KEEPER_ACCOUNTS, sp_buf_bytes(question), answer));
		SP_TRY(take_accounts(server, sp_buf_bytes(answer), &more));
	}
	return SP_OK;
}

enum sp_err sp__identity_accounts_refresh(struct sp_server *server)
{
	struct sp_buf question, answer;
	enum sp_err err;

	sp_buf_init(&question, 64);
	sp_buf_init(&answer, SP_WIRE_KEEPER_RESPONSE_MAX);
	err = ask_accounts(server, &question, &answer);
	sp_buf_clear(&question);
	sp_buf_clear(&answer);
	return err;
}

/* -- verdicts ------------------------------------------------------------------------------------------------------------------------------ */

static enum sp_err judge(struct sp_server *server, struct sp_pki_identity *out, struct sp_bytes leaf, struct sp_time at)
{
	struct sp_pki_question question = {.purpose = SP_PKI_FOR_DEVICE, .at = at};
	enum sp_err err;

	(void)pthread_mutex_lock(&server->identity.lock);
	err = sp_pki_trust_judge(server->identity.trust, out, leaf, &question);
	(void)pthread_mutex_unlock(&server->identity.lock);
	return err;
}

enum sp_err sp_server_device_verify(struct sp_server *server, struct sp_bytes leaf, struct sp_time at, struct sp_id16 *out_account,
				    struct sp_id16 *out_device)
{
	struct sp_pki_identity id;

	SP_TRY(judge(server, &id, leaf, at));
	*out_account = id.account_id;
	*out_device = id.device_id;
	return SP_OK;
}

enum sp_err sp__identity_verify(void *ctx, const struct sp_bytes *chain, size_t n, void **out_peer)
{
	struct sp_pki_identity id;
	struct sp__peer *peer;

	*out_peer = NULL;
	SP_TRY(judge(ctx, &id, chain[0], sp__now()));
	peer = sp_alloc(sizeof *peer);
	if (!peer)
		return SP_ERR_NOMEM;
	peer->who.account = id.account_id;
	peer->who.device = id.device_id;
	peer->serial = id.serial;
	*out_peer = peer;
	return SP_OK;
}
