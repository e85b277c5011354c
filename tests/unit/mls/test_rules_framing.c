/* SPDX-License-Identifier: Apache-2.0
 *
 * Every numbered rule of framing (1 to 21, rules_list.h), broken once.
 */
#include "forge.h"

#include "mls/secret_tree_priv.h"

/* -- framing: rules 1 to 21 -------------------------------------------------------------------------------------------------------------- */

static void good_proposal(struct scene *s, struct sp_buf *body)
{
	const struct sp_mls_propose removal = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = 2};
	put_proposal(body, &removal);
}

static void test_framing_of_public_messages(void **state)
{
	struct scene s;
	struct sp_buf body = buf();
	start(&s, 1);
	good_proposal(&s, &body);
	struct forgery f = by_alice(&s, SP_MLS_CONTENT_PROPOSAL, sp_buf_bytes(&body));
	forge(&s, &f);
	s.message.p[1] = 2;
	refused(&s, SP_ERR_UNSUPPORTED, 1);
	forge(&s, &f);
	s.message.p[3] = 9;
	refused(&s, SP_ERR_UNSUPPORTED, 1);
	forge(&s, &f);
	assert_int_equal(sp_buf_append(&s.message, SP_BYTES_LIT("\0")), SP_OK);
	refused(&s, SP_ERR_TRAILING, 20);
	forge(&s, &f);
	s.message.n--;
	refused(&s, SP_ERR_TRUNCATED, 20);
	f.content.group_id = SP_BYTES_LIT("another group");
	forge(&s, &f);
	refused(&s, SP_ERR_WRONG_GROUP, 2);
	f = by_alice(&s, SP_MLS_CONTENT_PROPOSAL, sp_buf_bytes(&body));
	f.content.sender.type = (enum sp_mls_sender_type)7;
	forge(&s, &f);
	refused(&s, SP_ERR_ENCODING, 3);
	f = by_alice(&s, SP_MLS_CONTENT_APPLICATION, SP_BYTES_LIT("in the open")); /* M24 */
	forge(&s, &f);
	refused(&s, SP_ERR_INVALID, 4);
	f = by_alice(&s, SP_MLS_CONTENT_PROPOSAL, sp_buf_bytes(&body));
	f.content.sender.index = 3;
	forge(&s, &f);
	refused(&s, SP_ERR_INVALID, 5);
	f.content.sender.index = 0;
	f.bad_signature = true;
	forge(&s, &f);
	refused(&s, SP_ERR_SIGNATURE, 6);
	f.bad_signature = false;
	f.bad_tag = true;
	forge(&s, &f);
	refused(&s, SP_ERR_MAC, 10);
	f.bad_tag = false;
	f.content.epoch = 0;
	forge(&s, &f);
	refused(&s, SP_ERR_STALE_EPOCH, 21);
	f.content.epoch = 2;
	forge(&s, &f);
	refused(&s, SP_ERR_FUTURE_EPOCH, 21);
	sp_buf_clear(&body);
	end(&s);
}

static void test_senders_from_outside(void **state)
{
	struct scene s;
	struct sp_buf body = buf(), empty = buf();
	start(&s, 1);
	good_proposal(&s, &body);
	assert_int_equal(sp_buf_append(&empty, SP_BYTES_LIT("\0\0")), SP_OK); /* a Commit of nothing, without path */
	struct forgery f = by_alice(&s, SP_MLS_CONTENT_COMMIT, sp_buf_bytes(&empty));
	f.content.sender = (struct sp_mls_sender){SP_MLS_SENDER_EXTERNAL, 0};
	forge(&s, &f);
	refused(&s, SP_ERR_INVALID, 7);
	f.content.sender.type = SP_MLS_SENDER_NEW_MEMBER_COMMIT;
	forge(&s, &f);
	refused(&s, SP_ERR_INVALID, 316);
	f.content.sender.type = SP_MLS_SENDER_NEW_MEMBER_PROPOSAL;
	forge(&s, &f);
	refused(&s, SP_ERR_INVALID, 9);
	f.content.type = SP_MLS_CONTENT_PROPOSAL;
	f.content.body = sp_buf_bytes(&body);
	forge(&s, &f);
	refused(&s, SP_ERR_INVALID, 9);
	f.content.sender.type = SP_MLS_SENDER_NEW_MEMBER_COMMIT;
	forge(&s, &f);
	refused(&s, SP_ERR_INVALID, 8);
	f.content.sender.type = SP_MLS_SENDER_EXTERNAL;
	forge(&s, &f);
	refused(&s, SP_ERR_INVALID, 18);
	sp_buf_clear(&body);
	sp_buf_clear(&empty);
	end(&s);
}

/* -- private messages ---------------------------------------------------------------------------------------------------------------------- */

static void protect(struct scene *s)
{
	struct sp_mls_staged *staged = NULL;
	sp_buf_clear(&s->message);
	assert_int_equal(sp_mls_group_protect(&s->alice.env, s->alice.group, &staged, SP_BYTES_LIT("text"), SP_BYTES_NONE, 40), SP_OK);
	assert_int_equal(sp_buf_append(&s->message, sp_mls_staged_info(staged)->message), SP_OK);
	client_apply(&s->alice, &staged);
}

/* A PrivateMessage sealed by hand with alice's next key: any leaf and generation in its sender data, any octets after the signature. */
struct sealing {
	struct sp_mls_secret_step *step;
	struct sp_mls_message_key key, sender_key;
	struct sp_buf framed, signature, plain, aad, sender_aad, ciphertext, sender, sender_sealed;
	uint32_t generation;
};

static void sealing_content(struct scene *s, struct sealing *k, struct sp_bytes tail)
{
	const struct sp_mls_group *g = s->alice.group;
	struct forgery f = by_alice(s, SP_MLS_CONTENT_APPLICATION, SP_BYTES_LIT("text"));
	assert_int_equal(sp__mls_secret_tree_next(&s->alice.env, &k->step, &k->key, &k->generation, g->secrets, SP_MLS_RATCHET_APPLICATION, 0), SP_OK);
	assert_int_equal(sp__mls_content_encode(&k->framed, &f.content), SP_OK);
	f.content.encoded = sp_buf_bytes(&k->framed);
	assert_int_equal(
		sp__mls_content_sign(&s->alice.signer, &k->signature, SP_MLS_WIRE_PRIVATE_MESSAGE, &f.content, g->view.context.encoded), SP_OK);
	struct sp_writer w = sp_writer_on(&k->plain);
	sp_write_vec(&w, f.content.body);
	sp_write_vec(&w, sp_buf_bytes(&k->signature));
	sp_write_fixed(&w, tail);
	assert_int_equal(sp_writer_finish(&w), SP_OK);
	w = sp_writer_on(&k->sender_aad);
	sp_write_vec(&w, f.content.group_id);
	sp_write_u64(&w, f.content.epoch);
	sp_write_u8(&w, SP_MLS_CONTENT_APPLICATION);
	assert_int_equal(sp_writer_finish(&w), SP_OK);
	assert_int_equal(sp_buf_append(&k->aad, sp_buf_bytes(&k->sender_aad)), SP_OK);
	assert_int_equal(sp_buf_append(&k->aad, SP_BYTES_LIT("\0")), SP_OK);
	assert_int_equal(sp_aead_seal(&k->ciphertext, g->view.suite.hpke.aead, sp_secret_bytes(&k->key.key), k->key.nonce, sp_buf_bytes(&k->aad),
				      sp_buf_bytes(&k->plain)),
			 SP_OK);
}

static void sealing_sender(struct scene *s, struct sealing *k, uint32_t leaf, uint32_t generation)
{
	const struct sp_mls_group *g = s->alice.group;
	const struct sp_secret *secret = &g->core.secrets.sender_data;
	struct sp_bytes sample = {k->ciphertext.p, SP_MIN(k->ciphertext.n, g->view.suite.nh)};
	struct sp_writer w = sp_writer_on(&k->sender);
	sp_write_u32(&w, leaf);
	sp_write_u32(&w, generation);
	sp_write_u32(&w, 0); /* reuse_guard */
	assert_int_equal(sp_writer_finish(&w), SP_OK);
	assert_int_equal(sp__mls_expand_secret(&k->sender_key.key, g->view.suite.nk, &g->view.suite, secret, "key", sample), SP_OK);
	assert_int_equal(
		sp__mls_expand_with_label(k->sender_key.nonce, SP_AEAD_NONCE, &g->view.suite, sp_secret_bytes(secret), "nonce", sample), SP_OK);
	assert_int_equal(sp_aead_seal(&k->sender_sealed, g->view.suite.hpke.aead, sp_secret_bytes(&k->sender_key.key), k->sender_key.nonce,
				      sp_buf_bytes(&k->sender_aad), sp_buf_bytes(&k->sender)),
			 SP_OK);
}

static void seal_anything(struct scene *s, uint32_t leaf, const uint32_t *generation, struct sp_bytes tail)
{
	struct sealing k = {.generation = 0};
	struct sp_buf *bufs[] = {&k.framed, &k.signature, &k.plain, &k.aad, &k.sender_aad, &k.ciphertext, &k.sender, &k.sender_sealed};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		*bufs[i] = buf();
	sealing_content(s, &k, tail);
	sealing_sender(s, &k, leaf, generation ? *generation : k.generation);
	sp_buf_clear(&s->message);
	struct sp_writer w = sp_writer_on(&s->message);
	sp__mls_message_header_write(&w, SP_MLS_WIRE_PRIVATE_MESSAGE);
	sp_write_fixed(&w, sp_buf_bytes(&k.aad)); /* group_id, epoch, content_type, authenticated_data */
	sp_write_vec(&w, sp_buf_bytes(&k.sender_sealed));
	sp_write_vec(&w, sp_buf_bytes(&k.ciphertext));
	assert_int_equal(sp_writer_finish(&w), SP_OK);
	sp__mls_secret_step_free(&k.step);
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_clear(bufs[i]);
}

static void test_private_messages(void **state)
{
	struct scene s;
	start(&s, 1);
	protect(&s);
	s.message.p[s.message.n - 1] ^= 1;
	refused(&s, SP_ERR_DECRYPT, 14);
	protect(&s);
	struct sp_mls_message m;
	assert_int_equal(sp__mls_message_read(&m, sp_buf_bytes(&s.message), NULL), SP_OK);
	s.message.p[(size_t)(m.private_msg.encrypted_sender_data.p - s.message.p)] ^= 1;
	refused(&s, SP_ERR_DECRYPT, 13);
	seal_anything(&s, 3, NULL, SP_BYTES_NONE);
	refused(&s, SP_ERR_INVALID, 13);
	seal_anything(&s, 0, &(const uint32_t){UINT32_MAX}, SP_BYTES_NONE); /* M34 */
	refused(&s, SP_ERR_INVALID, 17);
	seal_anything(&s, 0, NULL, SP_BYTES_LIT("\0\0\1"));
	refused(&s, SP_ERR_ENCODING, 12);
	s.bob.limits.forward = 3;
	for (int i = 0; i < 5; i++)
		protect(&s);
	refused(&s, SP_ERR_TOO_MANY, 16);
	s.bob.limits.forward = 0;
	protect(&s);
	client_receive(&s.bob, sp_buf_bytes(&s.message));
	refused(&s, SP_ERR_DUPLICATE, 15);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing_of_public_messages),
		cmocka_unit_test(test_senders_from_outside),
		cmocka_unit_test(test_private_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
