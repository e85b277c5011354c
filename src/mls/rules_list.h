/* SPDX-License-Identifier: Apache-2.0
 *
 * The validation rules of RFC 9420 that a receiver enforces: X(NUMBER, SECTION, TEXT). A rule's number MLS-V-NNN is in this table,
 * in the one place of the code that enforces it (the rule argument of SP_FAIL), in its negative test and in docs/validation.md.
 * Numbers are never reused. 1-99 framing; 100-299 leaves, key packages, trees; 300-499 proposals, commits, Welcome.
 */
#ifndef SP_MLS_RULES_LIST_H
#define SP_MLS_RULES_LIST_H

/* Each part of the list is kept by the files that enforce it. */
#define SP_MLS_RULES_FRAMING(X)                                                                                                            \
	X(1, "6", "a message is of protocol version mls10 and a known wire format")                                                        \
	X(2, "6", "a message's group_id is that of the group")                                                                             \
	X(3, "6", "content_type and sender_type are known")                                                                                \
	X(4, "6", "application data is sent as PrivateMessage only")                                                                       \
	X(5, "6.1", "the sender leaf of a member's message is not blank")                                                                  \
	X(6, "6.1", "the signature verifies with the sender's key")                                                                        \
	X(7, "6.1", "an external sender sends proposals only, of an allowed type")                                                         \
	X(8, "6.1", "a new_member_commit sender sends a commit only")                                                                      \
	X(9, "6.1", "a new_member_proposal sender sends an Add only")                                                                      \
	X(10, "6.2", "the membership tag of a member's PublicMessage is right")                                                            \
	X(11, "6.1", "the confirmation tag of a commit is right")                                                                          \
	X(12, "6.3.1", "the padding is all zero")                                                                                          \
	X(13, "6.3.2", "the sender data decrypts and names a leaf that is not blank")                                                      \
	X(14, "6.3.1", "the content decrypts under the sender's key")                                                                      \
	X(15, "9.1", "a generation's key is used once")                                                                                    \
	X(16, "15.3", "a generation is at most the forward limit ahead")                                                                   \
	X(17, "9.1", "a generation is below 2^32 - 1")                                                                                     \
	X(18, "12.1.8.1", "an external sender's index is in external_senders")                                                             \
	X(19, "12.1.8", "messages of senders outside of the group are PublicMessages")                                                     \
	X(20, "2.1.2", "a message is encoded minimally and has no trailing bytes")                                                         \
	X(21, "12.4.2", "a handshake message is of the current epoch")

#define SP_MLS_RULES_TREE(X)

#define SP_MLS_RULES_GROUP(X)

#define SP_MLS_RULES(X) SP_MLS_RULES_FRAMING(X) SP_MLS_RULES_TREE(X) SP_MLS_RULES_GROUP(X)

#endif
