/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages of a malicious member.
 */
#include "forge.h"

struct sp_buf buf(void)
{
	struct sp_buf b;
	sp_buf_init(&b, 1u << 26);
	return b;
}

void start(struct scene *s, uint16_t suite)
{
	client_init(&s->alice, "alice", suite);
	client_init(&s->bob, "bob", suite);
	client_init(&s->carol, "carol", suite);
	client_init(&s->dave, "dave", suite);
	s->message = buf();
	world_create(&s->alice, (struct sp_mls_extensions){NULL, 0});
	world_add(&s->alice, ALL(&s->alice), 1, ALL(&s->bob, &s->carol), 2);
	client_key_package(&s->dave);
}

void end(struct scene *s)
{
	client_clear(&s->alice);
	client_clear(&s->bob);
	client_clear(&s->carol);
	client_clear(&s->dave);
	sp_buf_clear(&s->message);
}

/* Bob refuses the scene's message by exactly this rule. */
void refused(struct scene *s, enum sp_err e, unsigned rule)
{
	assert_int_equal(client_refuses(&s->bob, sp_buf_bytes(&s->message)), e);
	if (s->bob.diag.rule != rule)
		print_error("rule %u, not %u: %s\n", s->bob.diag.rule, rule, s->bob.diag.text);
	assert_int_equal(s->bob.diag.rule, rule);
	sp_buf_clear(&s->message);
}

/* -- forging ----------------------------------------------------------------------------------------------------------------------- */


struct forgery by_alice(const struct scene *s, enum sp_mls_content_type type, struct sp_bytes body)
{
	const struct sp_mls_view *view = sp_mls_group_view(s->alice.group);
	return (struct forgery){.content = {.group_id = sp_mls_view_group_id(view),
					    .epoch = sp_mls_view_epoch(view),
					    .sender = {SP_MLS_SENDER_MEMBER, client_leaf_index(&s->alice)},
					    .type = type,
					    .body = body},
				.signer = &s->alice,
				.confirmation_tag = SP_BYTES_LIT("not the tag of this commit's new epoch")};
}

/* Signs and tags with what alice, a member, knows. */
void forge(struct scene *s, struct forgery *f)
{
	struct sp_buf framed = buf(), signature = buf();
	struct sp_mls_auth_content auth = {.wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE};
	struct sp_secret tag = {0};
	struct sp_bytes context = s->alice.group->view.context.encoded;
	assert_int_equal(sp__mls_content_encode(&framed, &f->content), SP_OK);
	auth.content = f->content;
	auth.content.encoded = sp_buf_bytes(&framed);
	assert_int_equal(sp__mls_content_sign(&f->signer->signer, &signature, auth.wire_format, &auth.content, context), SP_OK);
	if (f->bad_signature)
		signature.p[signature.n / 2] ^= 1;
	auth.signature = sp_buf_bytes(&signature);
	auth.confirmation_tag = f->confirmation_tag;
	assert_int_equal(sp__mls_membership_tag(&tag, &s->alice.group->view.suite, &s->alice.group->core.secrets.membership, &auth, context), SP_OK);
	if (f->bad_tag)
		tag.b[0] ^= 1;
	sp_buf_clear(&s->message);
	assert_int_equal(sp__mls_public_message_encode(&s->message, &auth, sp_secret_bytes(&tag)), SP_OK);
	sp_buf_clear(&framed);
	sp_buf_clear(&signature);
}

/* -- proposals and commits as bytes --------------------------------------------------------------------------------------------------- */

void put_proposal(struct sp_buf *out, const struct sp_mls_propose *what)
{
	struct sp_mls_propose p = *what;
	if (p.psk.nonce.n == 0)
		p.psk.nonce = SP_BYTES_LIT("a nonce of thirty-two octets ...");
	assert_int_equal(sp__mls_prop_encode(out, &p, p.body, NULL), SP_OK);
}

void put_value(struct sp_buf *list, const struct sp_mls_propose *what)
{
	assert_int_equal(sp_buf_append(list, SP_BYTES_LIT("\1")), SP_OK);
	put_proposal(list, what);
}

void put_raw(struct sp_buf *list, struct sp_bytes proposal)
{
	assert_int_equal(sp_buf_append(list, SP_BYTES_LIT("\1")), SP_OK);
	assert_int_equal(sp_buf_append(list, proposal), SP_OK);
}

void put_reference(struct sp_buf *list, struct sp_bytes ref)
{
	struct sp_writer w = sp_writer_on(list);
	sp_write_u8(&w, 2);
	sp_write_vec(&w, ref);
	assert_int_equal(sp_writer_finish(&w), SP_OK);
}

/* A commit of this list by alice, without path. */
void commit_list(struct scene *s, struct sp_buf *list)
{
	struct sp_buf body = buf();
	struct sp_writer w = sp_writer_on(&body);
	sp_write_vec(&w, sp_buf_bytes(list));
	sp_write_optional(&w, false);
	assert_int_equal(sp_writer_finish(&w), SP_OK);
	struct forgery f = by_alice(s, SP_MLS_CONTENT_COMMIT, sp_buf_bytes(&body));
	forge(s, &f);
	sp_buf_clear(&body);
	sp_buf_clear(list);
}

void commit_values(struct scene *s, const struct sp_mls_propose *list, size_t n)
{
	struct sp_buf encoded = buf();
	for (size_t i = 0; i < n; i++)
		put_value(&encoded, &list[i]);
	commit_list(s, &encoded);
}

void propose_value(struct scene *s, const struct sp_mls_propose *what)
{
	struct sp_buf body = buf();
	put_proposal(&body, what);
	struct forgery f = by_alice(s, SP_MLS_CONTENT_PROPOSAL, sp_buf_bytes(&body));
	forge(s, &f);
	sp_buf_clear(&body);
}
