/* SPDX-License-Identifier: Apache-2.0
 *
 * Proposals and commits on the wire: RFC 9420 sections 8.4, 12.1 and 12.4. Only the encoding is judged here.
 */
#include "mls/proposal_priv.h"

#include "base/limits.h"
#include "mls/key_package_priv.h"

enum { BY_VALUE = 1, BY_REFERENCE = 2 };

/* -- PreSharedKeyID ---------------------------------------------------------------------------------------------- */

static enum sp_err read_resumption(struct sp_reader *r, struct sp_mls_psk_id *out)
{
	uint8_t usage;
	SP_TRY(sp_read_u8(r, &usage));
	if (usage < SP_MLS_PSK_APPLICATION || usage > SP_MLS_PSK_BRANCH)
		return SP_ERR_ENCODING;
	out->usage = (enum sp_mls_psk_usage)usage;
	SP_TRY(sp_read_vec(r, &out->group_id, SP_LIMIT_MLS_VECTOR));
	return sp_read_u64(r, &out->epoch);
}

/* struct {
 *     PSKType psktype;
 *     select (PreSharedKeyID.psktype) {
 *         case external:   opaque psk_id<V>;
 *         case resumption: ResumptionPSKUsage usage; opaque psk_group_id<V>; uint64 psk_epoch;
 *     };
 *     opaque psk_nonce<V>;
 * } PreSharedKeyID; */
enum sp_err sp__mls_psk_id_read(struct sp_reader *r, struct sp_mls_psk_id *out)
{
	uint8_t type;
	*out = (struct sp_mls_psk_id){0};
	SP_TRY(sp_read_u8(r, &type));
	if (type == SP_MLS_PSK_EXTERNAL)
		SP_TRY(sp_read_vec(r, &out->id, SP_LIMIT_MLS_VECTOR));
	else if (type == SP_MLS_PSK_RESUMPTION)
		SP_TRY(read_resumption(r, out));
	else
		return SP_ERR_ENCODING;
	out->type = (enum sp_mls_psk_type)type;
	return sp_read_vec(r, &out->nonce, SP_LIMIT_MLS_VECTOR);
}

void sp__mls_psk_id_write(struct sp_writer *w, const struct sp_mls_psk_id *id)
{
	sp_write_u8(w, (uint8_t)id->type);
	if (id->type == SP_MLS_PSK_EXTERNAL) {
		sp_write_vec(w, id->id);
	} else {
		sp_write_u8(w, (uint8_t)id->usage);
		sp_write_vec(w, id->group_id);
		sp_write_u64(w, id->epoch);
	}
	sp_write_vec(w, id->nonce);
}

bool sp__mls_psk_id_equal(const struct sp_mls_psk_id *a, const struct sp_mls_psk_id *b)
{
	if (a->type != b->type || !sp_bytes_equal(a->nonce, b->nonce))
		return false;
	if (a->type == SP_MLS_PSK_EXTERNAL)
		return sp_bytes_equal(a->id, b->id);
	return a->usage == b->usage && a->epoch == b->epoch && sp_bytes_equal(a->group_id, b->group_id);
}

/* -- Proposal ------------------------------------------------------------------------------------------------------ */

static enum sp_err read_add(struct sp_reader *r, struct sp_mls_prop *out, struct sp_diag *diag)
{
	SP_TRY(sp__mls_key_package_read(r, &out->kp, diag));
	out->pub.key_package = out->kp.encoded;
	out->pub.member = sp__mls_leaf_member(&out->kp.leaf, SP_MLS_LEAF_NONE);
	return SP_OK;
}

static enum sp_err read_update(struct sp_reader *r, struct sp_mls_prop *out, struct sp_diag *diag)
{
	SP_TRY(sp__mls_leaf_node_read(r, &out->leaf, diag));
	out->pub.member = sp__mls_leaf_member(&out->leaf, SP_MLS_LEAF_NONE);
	return SP_OK;
}

/* struct { opaque group_id<V>; ProtocolVersion version; CipherSuite cipher_suite; Extension extensions<V>; } ReInit; */
static enum sp_err read_reinit(struct sp_reader *r, struct sp_mls_prop *out, struct sp_diag *diag)
{
	SP_TRY(sp_read_vec(r, &out->pub.reinit_group_id, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_read_u16(r, &out->pub.reinit_version));
	SP_TRY(sp_read_u16(r, &out->pub.reinit_suite));
	return sp__mls_extensions_read(r, &out->extensions, diag);
}

static enum sp_err read_body(struct sp_reader *r, struct sp_mls_prop *out, struct sp_diag *diag)
{
	switch (out->pub.type) {
	case SP_MLS_PROPOSAL_ADD:
		return read_add(r, out, diag);
	case SP_MLS_PROPOSAL_UPDATE:
		return read_update(r, out, diag);
	case SP_MLS_PROPOSAL_REMOVE:
		return sp_read_u32(r, &out->pub.member.leaf);
	case SP_MLS_PROPOSAL_PSK:
		return sp__mls_psk_id_read(r, &out->pub.psk);
	case SP_MLS_PROPOSAL_REINIT:
		return read_reinit(r, out, diag);
	case SP_MLS_PROPOSAL_EXTERNAL_INIT:
		return sp_read_vec(r, &out->kem_output, SP_LIMIT_MLS_VECTOR);
	case SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS:
		return sp__mls_extensions_read(r, &out->extensions, diag);
	case 0:
		return SP_ERR_ENCODING;
	default: /* a type that RFC 9420 does not define is framed as one opaque<V> */
		return sp_read_vec(r, &out->pub.body, SP_LIMIT_MLS_VECTOR);
	}
}

enum sp_err sp__mls_prop_read(struct sp_reader *r, struct sp_mls_prop *out, struct sp_diag *diag)
{
	struct sp_reader at = *r;
	*out = (struct sp_mls_prop){.pub.member.leaf = SP_MLS_LEAF_NONE, .pub.old.leaf = SP_MLS_LEAF_NONE};
	SP_TRY(sp_read_u16(&at, &out->pub.type));
	SP_TRY(read_body(&at, out, diag));
	out->encoded = (struct sp_bytes){r->rest.p, r->rest.n - at.rest.n};
	if (sp__mls_proposal_is_default(out->pub.type))
		out->pub.body = (struct sp_bytes){out->encoded.p + 2, out->encoded.n - 2};
	*r = at;
	return SP_OK;
}

enum sp_err sp__mls_prop_expose(struct sp_mls_prop *prop)
{
	struct sp_bytes rest = prop->extensions;
	struct sp_mls_extension one;
	size_t n = 0;
	while (sp__mls_extension_has_next(&rest, &one))
		n++;
	if (n == 0 || prop->ext_list)
		return SP_OK;
	prop->ext_list = sp_alloc_array(n, sizeof *prop->ext_list);
	if (!prop->ext_list)
		return SP_ERR_NOMEM;
	rest = prop->extensions;
	for (size_t i = 0; i < n && sp__mls_extension_has_next(&rest, &one); i++)
		prop->ext_list[i] = one;
	prop->pub.extensions = (struct sp_mls_extensions){prop->ext_list, n};
	return SP_OK;
}

void sp__mls_prop_clear(struct sp_mls_prop *prop)
{
	sp_free(prop->ext_list);
	prop->ext_list = NULL;
	prop->pub.extensions = (struct sp_mls_extensions){NULL, 0};
}

/* -- encoding what a caller proposes ----------------------------------------------------------------------------------- */

static enum sp_err write_add(struct sp_writer *w, const struct sp_mls_propose *propose, struct sp_diag *diag)
{
	struct sp_mls_key_package kp;
	SP_TRY(sp__mls_key_package_message_read(propose->key_package, &kp, diag));
	sp_write_fixed(w, kp.encoded);
	return SP_OK;
}

static void write_reinit(struct sp_writer *w, const struct sp_mls_propose *propose)
{
	sp_write_vec(w, propose->reinit_group_id);
	sp_write_u16(w, propose->reinit_version ? propose->reinit_version : SP_MLS_VERSION_10);
	sp_write_u16(w, propose->reinit_suite);
	sp__mls_extensions_write(w, propose->extensions);
}

enum sp_err sp__mls_prop_encode(struct sp_buf *out, const struct sp_mls_propose *propose, struct sp_bytes update_leaf, struct sp_diag *diag)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u16(&w, propose->type);
	switch (propose->type) {
	case SP_MLS_PROPOSAL_ADD:
		SP_TRY(write_add(&w, propose, diag));
		break;
	case SP_MLS_PROPOSAL_UPDATE:
		sp_write_fixed(&w, update_leaf);
		break;
	case SP_MLS_PROPOSAL_REMOVE:
		sp_write_u32(&w, propose->removed);
		break;
	case SP_MLS_PROPOSAL_PSK:
		sp__mls_psk_id_write(&w, &propose->psk);
		break;
	case SP_MLS_PROPOSAL_REINIT:
		write_reinit(&w, propose);
		break;
	case SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS:
		sp__mls_extensions_write(&w, propose->extensions);
		break;
	case 0:
		return SP_ERR_USAGE;
	default:
		sp_write_vec(&w, propose->body);
		break;
	}
	return sp_writer_finish(&w);
}

/* -- Commit -------------------------------------------------------------------------------------------------------------- */

enum sp_err sp__mls_commit_next(struct sp_reader *proposals, struct sp_bytes *out_ref, struct sp_mls_prop *out, struct sp_diag *diag)
{
	uint8_t type;
	*out_ref = SP_BYTES_NONE;
	SP_TRY(sp_read_u8(proposals, &type));
	if (type == BY_VALUE)
		return sp__mls_prop_read(proposals, out, diag);
	if (type != BY_REFERENCE)
		return SP_ERR_ENCODING;
	SP_TRY(sp_read_vec(proposals, out_ref, SP_HASH_MAX));
	return out_ref->n == 0 ? SP_ERR_ENCODING : SP_OK;
}

static enum sp_err check_proposals(struct sp_mls_commit *commit, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(commit->proposals);
	struct sp_bytes ref;
	struct sp_mls_prop prop;
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp__mls_commit_next(&r, &ref, &prop, diag));
		if (++commit->n_proposals > SP_LIMIT_MLS_PROPOSALS)
			return SP_FAIL(diag, SP_ERR_TOO_MANY, 0, "more proposals in a commit than the limit");
	}
	return SP_OK;
}

/* struct { ProposalOrRef proposals<V>; optional<UpdatePath> path; } Commit; */
enum sp_err sp__mls_commit_read(struct sp_reader *r, struct sp_mls_commit *out, struct sp_diag *diag)
{
	*out = (struct sp_mls_commit){0};
	SP_TRY(sp_read_vec(r, &out->proposals, SP_LIMIT_MLS_VECTOR));
	SP_TRY(check_proposals(out, diag));
	SP_TRY(sp_read_optional(r, &out->has_path));
	if (out->has_path)
		SP_TRY(sp__mls_update_path_read(r, &out->path, diag));
	return SP_OK;
}
