/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of message-protection, welcome and messages.
 */
#include "vectors.h"

#include "mls/group_info_priv.h"
#include "mls/key_package_priv.h"
#include "mls/secret_tree_priv.h"

static void free_sign_key(void *p)
{
	struct sp_sign_key *key = p;
	sp_sign_key_free(&key);
}

static void free_verify_key(void *p)
{
	struct sp_verify_key *key = p;
	sp_verify_key_free(&key);
}

static void free_secret_tree(void *p)
{
	struct sp_mls_secret_tree *tree = p;
	sp__mls_secret_tree_free(&tree);
}

static struct sp_verify_key *verify_key(struct vec *v, const struct sp_mls_suite *suite, const char *name)
{
	struct sp_verify_key *key = NULL;
	if (sp_verify_key_new(&key, suite->sig, vec_hex(v, v->json, name)) != SP_OK) {
		v->failed = "the public key decodes";
		return NULL;
	}
	vec_defer(v, free_verify_key, key);
	return key;
}

/* -- message-protection --------------------------------------------------------------------------------------------------------- */

enum { SENDER = 1, MEMBERS = 2 };

struct protection {
	struct sp_mls_suite suite;
	struct sp_bytes context;
	struct sp_secret membership, sender_data, encryption;
	struct sp_verify_key *key;
	struct sp_signer signer;
};

static void setup(struct vec *v, struct protection *p)
{
	struct sp_sign_key *priv = NULL;
	struct sp_buf *encoded = vec_buf(v);
	const struct sp_mls_context context = {.suite = p->suite.id,
					       .group_id = vec_hex(v, v->json, "group_id"),
					       .epoch = vec_int(v, v->json, "epoch"),
					       .tree_hash = vec_hex(v, v->json, "tree_hash"),
					       .confirmed_transcript_hash = vec_hex(v, v->json, "confirmed_transcript_hash")};
	CHECK(v, sp__mls_context_encode(encoded, &context) == SP_OK);
	p->context = sp_buf_bytes(encoded);
	CHECK(v, sp_secret_set(&p->membership, vec_hex(v, v->json, "membership_key")) == SP_OK);
	CHECK(v, sp_secret_set(&p->sender_data, vec_hex(v, v->json, "sender_data_secret")) == SP_OK);
	CHECK(v, sp_secret_set(&p->encryption, vec_hex(v, v->json, "encryption_secret")) == SP_OK);
	p->key = verify_key(v, &p->suite, "signature_pub");
	CHECK(v, p->key);
	CHECK(v, sp_sign_key_from_private(&priv, p->suite.sig, vec_scalar(v, v->json, "signature_priv")) == SP_OK);
	vec_defer(v, free_sign_key, priv);
	p->signer = sp_sign_key_signer(priv);
}

static void check_public(struct vec *v, const struct protection *p, struct sp_bytes message, struct sp_bytes raw)
{
	struct sp_mls_message m;
	struct sp_secret tag;
	CHECK(v, sp__mls_message_read(&m, message, &v->diag) == SP_OK);
	CHECK(v, m.wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE);
	CHECK(v, sp__mls_sender_check(&m.public_msg.auth.content, &v->diag) == SP_OK);
	CHECK(v, sp__mls_membership_tag(&tag, &p->suite, &p->membership, &m.public_msg.auth, p->context) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_secret_bytes(&tag), m.public_msg.membership_tag));
	CHECK(v, sp__mls_content_verify(p->key, &m.public_msg.auth, p->context, &v->diag) == SP_OK);
	CHECK(v, sp_bytes_equal(m.public_msg.auth.content.body, raw));
}

static struct sp_mls_secret_tree *new_secrets(struct vec *v, const struct protection *p)
{
	struct sp_mls_secret_tree *tree = NULL;
	if (sp__mls_secret_tree_new(&tree, &p->suite, MEMBERS, 0, &p->encryption) != SP_OK)
		v->failed = "a secret tree";
	vec_defer(v, free_secret_tree, tree);
	return tree;
}

static enum sp_mls_ratchet_type ratchet_of(enum sp_mls_content_type type)
{
	return type == SP_MLS_CONTENT_APPLICATION ? SP_MLS_RATCHET_APPLICATION : SP_MLS_RATCHET_HANDSHAKE;
}

static void check_private(struct vec *v, const struct protection *p, struct sp_bytes message, struct sp_bytes raw)
{
	struct sp_mls_message m;
	struct sp_mls_sender_data sender;
	struct sp_mls_message_key key;
	struct sp_mls_secret_step *step = NULL;
	struct sp_mls_auth_content auth;
	struct sp_mls_secret_tree *tree = new_secrets(v, p);
	CHECK(v, sp__mls_message_read(&m, message, &v->diag) == SP_OK);
	CHECK(v, m.wire_format == SP_MLS_WIRE_PRIVATE_MESSAGE);
	CHECK(v, sp__mls_sender_data_open(&sender, &p->suite, &p->sender_data, &m.private_msg, &v->diag) == SP_OK);
	CHECK(v, sender.leaf == SENDER);
	CHECK(v, sp__mls_secret_tree_open(&v->env, &step, &key, tree, ratchet_of(m.private_msg.type), SENDER, sender.generation) == SP_OK);
	sp__mls_secret_tree_apply(tree, &step);
	CHECK(v, sp__mls_private_open(&auth, vec_buf(v), vec_buf(v), &p->suite, &m.private_msg, &sender, &key, &v->diag) == SP_OK);
	CHECK(v, sp__mls_content_verify(p->key, &auth, p->context, &v->diag) == SP_OK);
	CHECK(v, sp_bytes_equal(auth.content.body, raw));
}

static void sign_content(struct vec *v, const struct protection *p, struct sp_mls_auth_content *auth, enum sp_mls_wire_format format,
			 enum sp_mls_content_type type, struct sp_bytes raw)
{
	struct sp_buf *framed = vec_buf(v), *signature = vec_buf(v);
	*auth = (struct sp_mls_auth_content){.wire_format = format};
	auth->content = (struct sp_mls_content){.group_id = vec_hex(v, v->json, "group_id"),
						.epoch = vec_int(v, v->json, "epoch"),
						.sender = {SP_MLS_SENDER_MEMBER, SENDER},
						.type = type,
						.body = raw};
	CHECK(v, sp__mls_content_encode(framed, &auth->content) == SP_OK);
	auth->content.encoded = sp_buf_bytes(framed);
	CHECK(v, sp__mls_content_sign(&p->signer, signature, format, &auth->content, p->context) == SP_OK);
	auth->signature = sp_buf_bytes(signature);
	auth->confirmation_tag = type == SP_MLS_CONTENT_COMMIT ? sp_secret_bytes(&p->membership) : SP_BYTES_NONE; /* any value of the size */
}

static void protect_public(struct vec *v, const struct protection *p, enum sp_mls_content_type type, struct sp_bytes raw)
{
	struct sp_mls_auth_content auth;
	struct sp_secret tag;
	struct sp_buf *out = vec_buf(v);
	sign_content(v, p, &auth, SP_MLS_WIRE_PUBLIC_MESSAGE, type, raw);
	CHECK(v, sp__mls_membership_tag(&tag, &p->suite, &p->membership, &auth, p->context) == SP_OK);
	CHECK(v, sp__mls_public_message_encode(out, &auth, sp_secret_bytes(&tag)) == SP_OK);
	check_public(v, p, sp_buf_bytes(out), raw);
}

static void protect_private(struct vec *v, const struct protection *p, enum sp_mls_content_type type, struct sp_bytes raw)
{
	struct sp_mls_auth_content auth;
	struct sp_mls_message_key key;
	struct sp_mls_secret_step *step = NULL;
	struct sp_mls_secret_tree *tree = new_secrets(v, p);
	struct sp_buf *out = vec_buf(v);
	struct sp_mls_private_seal seal = {
		.suite = &p->suite, .rng = v->env.rng, .sender_data_secret = &p->sender_data, .key = &key, .padding = 17};
	sign_content(v, p, &auth, SP_MLS_WIRE_PRIVATE_MESSAGE, type, raw);
	CHECK(v, sp__mls_secret_tree_next(&v->env, &step, &key, &seal.generation, tree, ratchet_of(type), SENDER) == SP_OK);
	sp__mls_secret_tree_apply(tree, &step);
	CHECK(v, sp__mls_private_seal(out, &seal, &auth) == SP_OK);
	check_private(v, p, sp_buf_bytes(out), raw);
}

static void refuse_public_application(struct vec *v, const struct protection *p, struct sp_bytes raw)
{
	const struct sp_mls_content content = {.type = SP_MLS_CONTENT_APPLICATION, .sender = {SP_MLS_SENDER_MEMBER, SENDER}, .body = raw};
	struct sp_diag diag = {0};
	CHECK(v, sp__mls_sender_check(&content, &diag) == SP_ERR_INVALID);
	CHECK(v, diag.rule == 4);
}

void vec_message_protection(struct vec *v)
{
	struct protection p = {0};
	if (!vec_has_suite(v, &p.suite))
		return;
	struct sp_bytes proposal = vec_hex(v, v->json, "proposal"), commit = vec_hex(v, v->json, "commit");
	struct sp_bytes application = vec_hex(v, v->json, "application");
	setup(v, &p);
	CHECK(v, !v->failed);
	check_public(v, &p, vec_hex(v, v->json, "proposal_pub"), proposal);
	check_public(v, &p, vec_hex(v, v->json, "commit_pub"), commit);
	check_private(v, &p, vec_hex(v, v->json, "proposal_priv"), proposal);
	check_private(v, &p, vec_hex(v, v->json, "commit_priv"), commit);
	check_private(v, &p, vec_hex(v, v->json, "application_priv"), application);
	protect_public(v, &p, SP_MLS_CONTENT_PROPOSAL, proposal);
	protect_public(v, &p, SP_MLS_CONTENT_COMMIT, commit);
	protect_private(v, &p, SP_MLS_CONTENT_PROPOSAL, proposal);
	protect_private(v, &p, SP_MLS_CONTENT_COMMIT, commit);
	protect_private(v, &p, SP_MLS_CONTENT_APPLICATION, application);
	refuse_public_application(v, &p, application);
}

/* -- welcome ------------------------------------------------------------------------------------------------------------------------ */

static void find_secrets(struct vec *v, const struct sp_mls_suite *suite, const struct sp_mls_welcome *welcome, struct sp_bytes ref,
			 struct sp_buf *out)
{
	struct sp_reader r = sp_reader_of(welcome->secrets);
	while (!sp_reader_is_empty(&r)) {
		struct sp_mls_hpke_ciphertext ct;
		struct sp_bytes to;
		CHECK(v, sp__mls_welcome_next(&r, &to, &ct) == SP_OK);
		if (!sp_bytes_equal(to, ref))
			continue;
		CHECK(v, sp__mls_decrypt_with_label(out, suite, vec_scalar(v, v->json, "init_priv"), "Welcome", welcome->encrypted_group_info, &ct) == SP_OK);
		return;
	}
	CHECK(v, !"the Welcome has an entry for the key package");
}

static void check_confirmation(struct vec *v, const struct sp_mls_suite *suite, const struct sp_mls_group_info *info, const struct sp_secret *member)
{
	struct sp_secret epoch, encryption, tag;
	struct sp_mls_epoch_secrets secrets;
	CHECK(v, sp__mls_epoch_secret(&epoch, suite, member, info->context.encoded) == SP_OK);
	CHECK(v, sp__mls_epoch_derive(&secrets, &encryption, suite, &epoch) == SP_OK);
	CHECK(v, sp__mls_confirmation_tag(&tag, suite, &secrets.confirmation, info->context.confirmed_transcript_hash) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_secret_bytes(&tag), info->confirmation_tag));
}

void vec_welcome(struct vec *v)
{
	struct sp_mls_suite suite;
	struct sp_mls_welcome welcome;
	struct sp_mls_group_secrets secrets;
	struct sp_mls_group_info info;
	struct sp_mls_message_key key;
	struct sp_secret joiner, member, psk;
	if (!vec_has_suite(v, &suite))
		return;
	struct sp_buf *ref = vec_buf(v), *plain = vec_buf(v), *group_info = vec_buf(v);
	CHECK(v, sp__mls_welcome_read(&welcome, vec_hex(v, v->json, "welcome"), &v->diag) == SP_OK);
	CHECK(v, sp_mls_key_package_ref(&v->env, ref, vec_hex(v, v->json, "key_package")) == SP_OK);
	find_secrets(v, &suite, &welcome, sp_buf_bytes(ref), plain);
	CHECK(v, sp__mls_group_secrets_read(&secrets, sp_buf_bytes(plain)) == SP_OK);
	CHECK(v, sp_secret_set(&joiner, secrets.joiner_secret) == SP_OK);
	psk = sp__mls_zero_secret(&suite);
	CHECK(v, sp__mls_member_secret(&member, &suite, &joiner, &psk) == SP_OK);
	CHECK(v, sp__mls_welcome_key(&key, &suite, &member) == SP_OK);
	CHECK(v, sp_aead_open(group_info, suite.hpke.aead, sp_secret_bytes(&key.key), key.nonce, SP_BYTES_NONE, welcome.encrypted_group_info) == SP_OK);
	CHECK(v, sp__mls_group_info_read(&info, sp_buf_bytes(group_info), &v->diag) == SP_OK);
	const struct sp_verify_key *signer = verify_key(v, &suite, "signer_pub");
	CHECK(v, signer);
	CHECK(v, sp_verify_with_label(signer, SP_BYTES_LIT("GroupInfoTBS"), info.to_sign, info.signature) == SP_OK);
	check_confirmation(v, &suite, &info, &member);
}

/* -- messages: what is decoded is encoded again, byte for byte ------------------------------------------------------------------------- */

static void round_proposal(struct vec *v, const char *name, uint16_t type)
{
	struct sp_bytes body = vec_hex(v, v->json, name);
	struct sp_buf *whole = vec_buf(v), *again = vec_buf(v);
	struct sp_mls_prop prop;
	struct sp_writer w = sp_writer_on(whole);
	sp_write_u16(&w, type);
	sp_write_fixed(&w, body);
	CHECK(v, sp_writer_finish(&w) == SP_OK);
	struct sp_reader r = sp_reader_of(sp_buf_bytes(whole));
	CHECK(v, sp__mls_prop_read(&r, &prop, &v->diag) == SP_OK);
	CHECK(v, sp_reader_finish(&r) == SP_OK);
	CHECK(v, sp__mls_prop_expose(&prop) == SP_OK);
	struct sp_buf *kp = vec_buf(v);
	w = sp_writer_on(kp);
	sp__mls_message_header_write(&w, SP_MLS_WIRE_KEY_PACKAGE);
	sp_write_fixed(&w, prop.pub.key_package);
	const struct sp_mls_propose propose = {.type = type,
					       .key_package = sp_buf_bytes(kp),
					       .removed = prop.pub.member.leaf,
					       .psk = prop.pub.psk,
					       .reinit_group_id = prop.pub.reinit_group_id,
					       .reinit_version = prop.pub.reinit_version,
					       .reinit_suite = prop.pub.reinit_suite,
					       .extensions = prop.pub.extensions};
	enum sp_err e = type == SP_MLS_PROPOSAL_EXTERNAL_INIT ? sp_buf_append(again, prop.encoded)
							      : sp__mls_prop_encode(again, &propose, prop.leaf.encoded, &v->diag);
	sp__mls_prop_clear(&prop);
	CHECK(v, e == SP_OK);
	CHECK(v, sp_bytes_equal(sp_buf_bytes(again), sp_buf_bytes(whole)));
}

static void round_public(struct vec *v, const char *name, enum sp_mls_content_type type)
{
	struct sp_mls_message m;
	struct sp_buf *content = vec_buf(v), *again = vec_buf(v);
	CHECK(v, sp__mls_message_read(&m, vec_hex(v, v->json, name), &v->diag) == SP_OK);
	CHECK(v, m.wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE);
	CHECK(v, m.public_msg.auth.content.type == type);
	CHECK(v, sp__mls_content_encode(content, &m.public_msg.auth.content) == SP_OK);
	m.public_msg.auth.content.encoded = sp_buf_bytes(content);
	CHECK(v, sp__mls_public_message_encode(again, &m.public_msg.auth, m.public_msg.membership_tag) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_buf_bytes(again), vec_hex(v, v->json, name)));
}

static void round_commit(struct vec *v)
{
	struct sp_reader r = sp_reader_of(vec_hex(v, v->json, "commit"));
	struct sp_mls_commit commit;
	struct sp_buf *again = vec_buf(v);
	CHECK(v, sp__mls_commit_read(&r, &commit, &v->diag) == SP_OK);
	CHECK(v, sp_reader_finish(&r) == SP_OK);
	struct sp_writer w = sp_writer_on(again);
	sp_write_vec(&w, commit.proposals);
	sp_write_optional(&w, commit.has_path);
	sp_write_fixed(&w, commit.path.leaf.encoded);
	if (commit.has_path)
		sp_write_vec(&w, commit.path.nodes);
	CHECK(v, sp_writer_finish(&w) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_buf_bytes(again), vec_hex(v, v->json, "commit")));
}

static void round_group_secrets(struct vec *v)
{
	struct sp_mls_group_secrets secrets;
	struct sp_buf *again = vec_buf(v);
	CHECK(v, sp__mls_group_secrets_read(&secrets, vec_hex(v, v->json, "group_secrets")) == SP_OK);
	struct sp_writer w = sp_writer_on(again);
	sp_write_vec(&w, secrets.joiner_secret);
	sp_write_optional(&w, secrets.has_path_secret);
	if (secrets.has_path_secret)
		sp_write_vec(&w, secrets.path_secret);
	sp_write_vec(&w, secrets.psks);
	CHECK(v, sp_writer_finish(&w) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_buf_bytes(again), vec_hex(v, v->json, "group_secrets")));
}

static void free_tree(void *p)
{
	struct sp_mls_tree *tree = p;
	sp__mls_tree_free(&tree);
}

static void round_tree(struct vec *v)
{
	struct sp_mls_suite suite;
	struct sp_mls_tree *tree = NULL;
	struct sp_buf *again = vec_buf(v);
	CHECK(v, sp__mls_suite_find(&suite, NULL, 1) == SP_OK);
	CHECK(v, sp__mls_tree_decode(&tree, &suite, vec_hex(v, v->json, "ratchet_tree"), &v->diag) == SP_OK);
	vec_defer(v, free_tree, tree);
	CHECK(v, sp__mls_tree_encode(tree, again) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_buf_bytes(again), vec_hex(v, v->json, "ratchet_tree")));
}

/* The kinds whose decoder keeps the encoding whole: the public peek decodes each to its end. */
static void decode_message(struct vec *v, const char *name, enum sp_mls_wire_format format)
{
	struct sp_mls_peek peek;
	CHECK(v, sp_mls_peek(&peek, vec_hex(v, v->json, name)) == SP_OK);
	CHECK(v, peek.wire_format == format);
}

void vec_messages(struct vec *v)
{
	static const struct {
		const char *name;
		uint16_t type;
	} proposals[] = {
		{"add_proposal", SP_MLS_PROPOSAL_ADD},
		{"update_proposal", SP_MLS_PROPOSAL_UPDATE},
		{"remove_proposal", SP_MLS_PROPOSAL_REMOVE},
		{"pre_shared_key_proposal", SP_MLS_PROPOSAL_PSK},
		{"re_init_proposal", SP_MLS_PROPOSAL_REINIT},
		{"external_init_proposal", SP_MLS_PROPOSAL_EXTERNAL_INIT},
		{"group_context_extensions_proposal", SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS},
	};
	for (size_t i = 0; i < SP_ARRAY_LEN(proposals); i++)
		round_proposal(v, proposals[i].name, proposals[i].type);
	decode_message(v, "mls_welcome", SP_MLS_WIRE_WELCOME);
	decode_message(v, "mls_group_info", SP_MLS_WIRE_GROUP_INFO);
	decode_message(v, "mls_key_package", SP_MLS_WIRE_KEY_PACKAGE);
	decode_message(v, "private_message", SP_MLS_WIRE_PRIVATE_MESSAGE);
	round_public(v, "public_message_application", SP_MLS_CONTENT_APPLICATION);
	round_public(v, "public_message_proposal", SP_MLS_CONTENT_PROPOSAL);
	round_public(v, "public_message_commit", SP_MLS_CONTENT_COMMIT);
	round_commit(v);
	round_group_secrets(v);
	round_tree(v);
}
