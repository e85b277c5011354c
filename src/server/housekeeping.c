/* SPDX-License-Identifier: Apache-2.0
 *
 * What time makes superfluous: tree snapshots that no joiner can need any more, and key packages of revoked devices (M28). Runs with
 * each refresh of the CRL, on the keeper's thread.
 */
#include "server/rooms_priv.h"

#define TREE_KEPT_MS (60ll * 24 * 3600 * 1000) /* as long as a key package may live */
#define BATCH 64u

/* -- revoked devices -------------------------------------------------------------------------------------------------------- */

struct sweep {
	struct sp_server *server;
	struct sp_id16 revoked[BATCH];
	size_t n;
	uint64_t since; /* accounts up to this change are done */
};

static bool serial_is_revoked(struct sp_server *server, const struct sp_pki_serial *serial)
{
	bool is_revoked;

	(void)pthread_mutex_lock(&server->identity.lock);
	is_revoked = sp_pki_trust_is_revoked(server->identity.trust, serial, 0);
	(void)pthread_mutex_unlock(&server->identity.lock);
	return is_revoked;
}

/* Certificates in the store were issued by our keeper: what they say needs no second proof here. */
static enum sp_err device_look(void *ctx, const struct sp_store_device *device)
{
	struct sweep *sweep = ctx;
	struct sp_pki_claim claim;

	if (sp_pki_claim_decode(&claim, device->cert) != SP_OK || !serial_is_revoked(sweep->server, &claim.unverified.serial))
		return SP_OK;
	if (sweep->n < BATCH)
		sweep->revoked[sweep->n++] = device->id;
	return SP_OK;
}

static enum sp_err account_look(void *ctx, const struct sp_store_account *account)
{
	struct sweep *sweep = ctx;

	/* room for one more account's devices, or this one comes first in the next round */
	if (sweep->n + SP_LIMIT_ACCOUNT_DEVICES > BATCH)
		return SP_ERR_SPACE;
	SP_TRY(sp_store_device_each(sweep->server->store, &account->id, device_look, sweep));
	sweep->since = account->changed;
	return SP_OK;
}

static enum sp_err packages_drop(struct sp_server *server, const struct sp_id16 *devices, size_t n)
{
	struct sp_store_op ops[BATCH], *all[BATCH];

	for (size_t i = 0; i < n; i++) {
		ops[i] = (struct sp_store_op){.verb = SP_STORE_KEY_PACKAGE_DROP, .now = sp__now(), .u.key_package_drop.device = devices[i]};
		all[i] = &ops[i];
	}
	return sp_store_apply(server->store, all, n);
}

static enum sp_err revoked_sweep(struct sp_server *server)
{
	struct sweep sweep = {.server = server};
	enum sp_err err;

	do {
		sweep.n = 0;
		err = sp_store_account_since(server->store, sweep.since, SIZE_MAX, account_look, &sweep);
		if (err != SP_OK && err != SP_ERR_SPACE)
			return err;
		SP_TRY(packages_drop(server, sweep.revoked, sweep.n));
	} while (err == SP_ERR_SPACE);
	return SP_OK;
}

/* -- trees ------------------------------------------------------------------------------------------------------------------- */

static enum sp_err trees_trim(struct sp_server *server)
{
	struct sp_store_op op = {.verb = SP_STORE_TREE_TRIM, .now = sp__now()}, *all[] = {&op};

	op.u.tree_trim.before.ms = op.now.ms - TREE_KEPT_MS;
	SP_TRY(sp_store_apply(server->store, all, 1));
	return op.err;
}

enum sp_err sp__housekeep(struct sp_server *server)
{
	SP_TRY(revoked_sweep(server));
	return trees_trim(server);
}
