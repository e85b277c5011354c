/* SPDX-License-Identifier: Apache-2.0
 *
 * The account chain: which list may follow which (DESIGN "The account chain"; ATTACKS M02, K08).
 */
#include "pki/device_list.h"

bool sp_device_chain_has(const struct sp_device_chain *chain, const struct sp_hash32 *spki_hash)
{
	for (size_t i = 0; i < chain->devices_n; i++)
		if (sp_hash32_equal(&chain->devices[i].spki_hash, spki_hash))
			return true;
	return false;
}

enum sp_err sp_device_chain_entitle(const struct sp_device_chain *chain, const struct sp_pki_identity *identity)
{
	if (chain->version == 0 || identity->kind != SP_PKI_DEVICE || !sp_id16_equal(&chain->account_id, &identity->account_id))
		return SP_ERR_DENIED;
	if (!sp_bytes_equal(sp_bytes_str(chain->address), sp_bytes_str(identity->address)))
		return SP_ERR_DENIED;
	for (size_t i = 0; i < chain->devices_n; i++)
		if (sp_hash32_equal(&chain->devices[i].spki_hash, &identity->spki_hash))
			return sp_id16_equal(&chain->devices[i].device_id, &identity->device_id) ? SP_OK : SP_ERR_DENIED;
	return SP_ERR_DENIED;
}

static enum sp_err verify_signature(const struct sp_signed_device_list *signed_list)
{
	struct sp_verify_key *key = NULL;
	enum sp_err e = sp_verify_key_new(&key, SP_SIG_ECDSA_P256_SHA256, signed_list->signer_key);
	if (e == SP_OK)
		e = sp_verify_with_label(key, SP_BYTES_LIT(SP_DEVICE_LIST_LABEL), signed_list->list_bytes, signed_list->signature);
	sp_verify_key_free(&key);
	return e == SP_OK || e == SP_ERR_NOMEM ? e : SP_ERR_SIGNATURE;
}

static bool list_has(const struct sp_device_list *list, const struct sp_hash32 *spki_hash)
{
	for (size_t i = 0; i < list->devices_n; i++)
		if (sp_hash32_equal(&list->devices[i].spki_hash, spki_hash))
			return true;
	return false;
}

static enum sp_err check_link(const struct sp_device_chain *chain, const struct sp_device_list *list)
{
	if (chain->version == UINT32_MAX || list->version != chain->version + 1)
		return SP_ERR_INVALID;
	if (chain->version == 0)
		return SP_OK;
	if (!sp_id16_equal(&list->account_id, &chain->account_id) || !sp_bytes_equal(list->address, sp_bytes_str(chain->address)))
		return SP_ERR_INVALID;
	return sp_hash32_equal(&list->previous_hash, &chain->head) ? SP_OK : SP_ERR_INVALID;
}

/* Who may sign: version 1 its first device; later ones a key of the version before; a recovered one a device of its own. */
static enum sp_err check_signer(const struct sp_device_chain *chain, const struct sp_signed_device_list *signed_list)
{
	const struct sp_device_list *list = &signed_list->list;
	struct sp_pki_point point;
	struct sp_hash32 signer;
	SP_TRY(sp_pki_point_decode(&point, signed_list->signer_key));
	SP_TRY(sp_pki_spki_hash(&signer, &point));
	if (list->version == 1)
		return sp_hash32_equal(&signer, &list->devices[0].spki_hash) ? SP_OK : SP_ERR_DENIED;
	if (list->flags & SP_DEVICE_LIST_RECOVERED)
		return list_has(list, &signer) ? SP_OK : SP_ERR_DENIED;
	if (sp_device_chain_has(chain, &signer))
		return SP_OK;
	bool is_recovery_key = chain->has_recovery_key && sp_bytes_equal(SP_BYTES_OF(chain->recovery_key.b), signed_list->signer_key);
	return is_recovery_key ? SP_OK : SP_ERR_DENIED;
}

static void take(struct sp_device_chain *chain, const struct sp_device_list *list, const struct sp_hash32 *hash)
{
	if (list->version == 1) {
		*chain = (struct sp_device_chain){.account_id = list->account_id, .fingerprint = list->devices[0].spki_hash};
		sp_copy(chain->address, list->address.p, list->address.n);
	}
	chain->version = list->version;
	chain->head = *hash;
	if (list->flags & SP_DEVICE_LIST_RECOVERED)
		chain->recovered_at = list->version;
	chain->devices_n = list->devices_n;
	memset(chain->devices, 0, sizeof chain->devices);
	for (size_t i = 0; i < list->devices_n; i++)
		chain->devices[i] = (struct sp_device_chain_entry){list->devices[i].spki_hash, list->devices[i].device_id};
	chain->has_recovery_key = list->recovery_key.n == sizeof chain->recovery_key.b;
	memset(&chain->recovery_key, 0, sizeof chain->recovery_key);
	if (chain->has_recovery_key)
		sp_copy(chain->recovery_key.b, list->recovery_key.p, list->recovery_key.n);
}

enum sp_err sp_device_chain_apply(struct sp_device_chain *chain, struct sp_bytes signed_list)
{
	struct sp_signed_device_list s;
	struct sp_hash32 hash;
	SP_TRY(sp_device_list_decode(&s, signed_list));
	SP_TRY(check_link(chain, &s.list));
	SP_TRY(check_signer(chain, &s));
	SP_TRY(verify_signature(&s));
	SP_TRY(sp_sha256(&hash, signed_list));
	take(chain, &s.list, &hash);
	return SP_OK;
}
