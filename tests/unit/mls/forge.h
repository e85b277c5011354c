/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages of a malicious member: valid ones are taken apart, changed, and signed and tagged again, so that only one rule is broken.
 */
#ifndef SP_TEST_MLS_FORGE_H
#define SP_TEST_MLS_FORGE_H

#include "world.h"

#include "mls/group_priv.h"

#define ALL(...) (struct client *[]){__VA_ARGS__}

/* Alice, bob and carol in a group; dave outside. Bob judges `message`. */
struct scene {
	struct client alice, bob, carol, dave; /* dave is outside */
	struct sp_buf message;
};

struct forgery {
	struct sp_mls_content content; /* encoded is made here */
	const struct client *signer;
	struct sp_bytes confirmation_tag;
	bool bad_signature, bad_tag;
};

struct sp_buf buf(void);
void start(struct scene *s, uint16_t suite);
void end(struct scene *s);
void refused(struct scene *s, enum sp_err e, unsigned rule);
struct forgery by_alice(const struct scene *s, enum sp_mls_content_type type, struct sp_bytes body);
void forge(struct scene *s, struct forgery *f);
void put_proposal(struct sp_buf *out, const struct sp_mls_propose *what);
void put_value(struct sp_buf *list, const struct sp_mls_propose *what);
void put_raw(struct sp_buf *list, struct sp_bytes proposal);
void put_reference(struct sp_buf *list, struct sp_bytes ref);
void commit_list(struct scene *s, struct sp_buf *list);
void commit_values(struct scene *s, const struct sp_mls_propose *list, size_t n);
void propose_value(struct scene *s, const struct sp_mls_propose *what);

#endif
