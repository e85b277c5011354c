/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening a profile: its key lies in a box under the passphrase (Argon2id), everything else under that key (seal.c).
 */
#include "client/client_priv.h"

#include <stdio.h>
#include <sys/stat.h>

#include "pw/pw.h"

#define BOX_NAME "box"
#define PROFILE_KEY_SIZE 32u

bool sp_client_home_has_profile(const char *home)
{
	char path[4096];
	struct stat st;
	int n = snprintf(path, sizeof path, "%s/profile.db", home);
	return n > 0 && (size_t)n < sizeof path && stat(path, &st) == 0;
}

bool sp_client_is_joined(const struct sp_client *client)
{
	return client->is_joined;
}

const struct sp_diag *sp_client_diag(const struct sp_client *client)
{
	return &client->diag;
}

const char *sp_client_hint(const struct sp_client *client)
{
	return client->hint;
}

static enum sp_err open_box(struct sp_client *c, struct sp_buf *box, struct sp_bytes passphrase)
{
	SP_TRY(sp_profile_get(c->db, SP_CLIENT_SPACE_BOX, SP_BYTES_LIT(BOX_NAME), box, NULL));
	enum sp_err e = sp_pw_box_open(&c->seal.profile, passphrase, sp_buf_bytes(box));
	return sp_err_class(e) == SP_CLASS_INPUT && e != SP_ERR_FORMAT_NEWER ? SP_ERR_CORRUPT : e;
}

static enum sp_err make_box(struct sp_client *c, struct sp_buf *box, struct sp_bytes passphrase)
{
	uint8_t key[PROFILE_KEY_SIZE];
	struct sp_rng rng = sp_rng_system();
	struct sp_pw_params params = sp_pw_params_default();
	enum sp_err e = sp_pw_passphrase_check(passphrase);
	if (e == SP_OK)
		e = sp_rng_fill(&rng, key, sizeof key);
	if (e == SP_OK)
		e = sp_secret_set(&c->seal.profile, SP_BYTES_OF(key));
	if (e == SP_OK)
		e = sp_pw_box_seal(box, passphrase, SP_BYTES_OF(key), &params, &rng);
	sp_wipe(key, sizeof key);
	return e;
}

/* Of two processes that make the same profile, one's box is kept and the other opens it. */
static enum sp_err store_box(struct sp_client *c, const struct sp_buf *box)
{
	struct sp_profile_op ops[] = {
		{.action = SP_PROFILE_EXPECT, .space = SP_CLIENT_SPACE_BOX, .key = SP_BYTES_LIT(BOX_NAME), .revision = 0},
		{.action = SP_PROFILE_PUT, .space = SP_CLIENT_SPACE_BOX, .key = SP_BYTES_LIT(BOX_NAME), .value = sp_buf_bytes(box)},
	};
	return sp_profile_apply(c->db, ops, SP_ARRAY_LEN(ops), NULL);
}

static enum sp_err create_box(struct sp_client *c, struct sp_buf *box, struct sp_bytes passphrase)
{
	SP_TRY(make_box(c, box, passphrase));
	enum sp_err e = store_box(c, box);
	if (e != SP_ERR_CONFLICT)
		return e;
	sp_buf_clear(box);
	return open_box(c, box, passphrase);
}

static enum sp_err unlock(struct sp_client *c, const struct sp_client_config *config)
{
	struct sp_buf box;
	sp_buf_init(&box, 4096);
	enum sp_err e = open_box(c, &box, config->passphrase);
	if (e == SP_ERR_NOT_FOUND && config->create)
		e = create_box(c, &box, config->passphrase);
	sp_buf_clear(&box);
	return e;
}

static enum sp_err open_profile(struct sp_client *c, const struct sp_client_config *config)
{
	c->timeout_ms = config->timeout_ms ? config->timeout_ms : SP__DEFAULT_TIMEOUT_MS;
	c->home = sp_str_dup(sp_bytes_str(config->home));
	if (!c->home)
		return SP_ERR_NOMEM;
	SP_TRY(sp_crypto_init());
	if (config->create && !sp_client_home_has_profile(config->home))
		SP_TRY(sp_pw_passphrase_check(config->passphrase)); /* before anything is made */
	SP_TRY(sp_profile_open(&c->db, config->home, config->create));
	SP_TRY(unlock(c, config));
	return sp__identity_load(c);
}

enum sp_err sp_client_open(struct sp_client **out, const struct sp_client_config *config)
{
	struct sp_client *c = sp_alloc(sizeof *c);
	*out = NULL;
	if (!c)
		return SP_ERR_NOMEM;
	sp_buf_init(&c->identity_raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = open_profile(c, config);
	if (e == SP_OK)
		*out = c;
	else
		sp_client_close(&c);
	return e;
}

void sp_client_close(struct sp_client **client)
{
	struct sp_client *c = *client;
	if (!c)
		return;
	sp__disconnect(c, true);
	sp__listen_clear(c);
	sp__rooms_forget(c);
	sp__directory_forget(c);
	sp_pki_trust_free(&c->trust);
	sp_sign_key_free(&c->key);
	sp_buf_clear(&c->identity_raw);
	sp_secret_clear(&c->seal.profile);
	sp_profile_close(&c->db);
	sp_free(c->home);
	sp_free(c);
	*client = NULL;
}
