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
	X(20, "2.1.2", "a message is encoded minimally and has no trailing bytes")                                                         \
	X(21, "12.4.2", "a handshake message is of the current epoch")

#define SP_MLS_RULES_TREE(X)                                                                                                               \
	X(100, "13.4", "a list of extensions holds no type twice")                                                                         \
	X(101, "7.2", "the vectors of a LeafNode or KeyPackage are well formed")                                                           \
	X(102, "5.3", "an x509 credential holds at least one certificate")                                                                 \
	X(103, "7.2", "leaf_node_source is key_package, update or commit")                                                                 \
	X(110, "7.3", "the signature of a leaf verifies with its signature_key")                                                           \
	X(111, "5.1.1", "a leaf's encryption_key is a public key of the suite's KEM")                                                      \
	X(112, "5.1.1", "a leaf's signature_key is a public key of the suite's signature scheme")                                          \
	X(113, "11.1", "a leaf's capabilities list the protocol version and the cipher suite in use")                                      \
	X(114, "7.2", "the extensions of a leaf are listed in its capabilities")                                                           \
	X(115, "7.2", "a leaf's credential type is listed in its capabilities")                                                            \
	X(116, "7.3", "the current time is within the lifetime of a leaf that is added")                                                   \
	X(117, "7.2", "a leaf's total lifetime is not longer than the acceptable maximum")                                                 \
	X(118, "7.3", "the leaf of a KeyPackage has source key_package")                                                                   \
	X(119, "7.3", "the leaf of an Update has source update")                                                                           \
	X(120, "7.3", "the leaf of an UpdatePath has source commit")                                                                       \
	X(121, "7.3", "a leaf that replaces another has a different encryption_key")                                                       \
	X(122, "11.1", "a leaf's capabilities list all required capabilities")                                                             \
	X(123, "13.4", "a leaf's capabilities list every extension of the group context")                                                  \
	X(124, "5.3.1", "the Authentication Service accepts a credential")                                                                 \
	X(130, "10", "a KeyPackage is of protocol version mls10, as its MLSMessage")                                                       \
	X(131, "10.1", "a KeyPackage is of the group's cipher suite")                                                                      \
	X(132, "10.1", "the signature of a KeyPackage verifies with its leaf's signature_key")                                             \
	X(133, "10.1", "init_key differs from the leaf's encryption_key")                                                                  \
	X(134, "10", "init_key is a public key of the suite's KEM")                                                                        \
	X(135, "10", "the extensions of a KeyPackage are listed in its leaf's capabilities")                                               \
	X(150, "7.3", "no encryption_key is in two nodes of the tree")                                                                     \
	X(151, "7.3", "no signature_key is in two leaves of the tree")                                                                     \
	X(152, "7.3", "the credential type of every member is supported by all members")                                                   \
	X(153, "12.1.7", "required capabilities are supported by all members")                                                             \
	X(154, "13.4", "the extensions of the group context are supported by all members")                                                 \
	X(160, "12.4.3.3", "the last node of a ratchet_tree is not blank")                                                                 \
	X(161, "12.4.3.3", "leaves are at even positions of a ratchet_tree, parents at odd ones")                                          \
	X(162, "7.1", "unmerged_leaves is sorted in increasing order")                                                                     \
	X(163, "12.4.3.1", "an unmerged leaf is a descendant that is not blank")                                                           \
	X(164, "12.4.3.1", "every node between a parent and its unmerged leaf lists that leaf too")                                        \
	X(165, "7.9.2", "every parent node is parent-hash valid by exactly one descendant")                                                \
	X(166, "5.1.1", "a parent's encryption_key is a public key of the suite's KEM")                                                    \
	X(167, "12.4.3.3", "a ratchet_tree has at least one node and at most the limit")                                                   \
	X(180, "7.5", "an UpdatePath has a node for each of the filtered direct path")                                                     \
	X(181, "7.6", "an UpdatePath node has a ciphertext for each node of the copath's resolution")                                      \
	X(182, "12.4.2", "no public key of an UpdatePath is in the new tree, nor twice in the path")                                       \
	X(183, "7.5", "the parent_hash of an UpdatePath's leaf is that of its path")                                                       \
	X(184, "7.5", "the path secret for us decrypts")                                                                                   \
	X(185, "7.5", "the keys derived from a path secret are those of the UpdatePath")                                                   \
	X(186, "5.1.1", "the keys of an UpdatePath are public keys of the suite's KEM")                                                    \
	X(187, "12.4.3.1", "the path secret of a Welcome gives the keys of the tree")

#define SP_MLS_RULES_GROUP(X) \
	X(300, "12.4", "a reference in a commit names a proposal received in this epoch") \
	X(301, "12.2", "a commit holds no Update by its committer") \
	X(302, "12.2", "a commit does not remove its committer") \
	X(303, "12.2", "at most one Update or Remove applies to a leaf") \
	X(304, "12.2", "no two Adds present the same client") \
	X(305, "12.2", "no Add presents a client that stays in the group") \
	X(306, "12.2", "no two PreSharedKey proposals name the same PSK") \
	X(307, "12.2", "at most one GroupContextExtensions proposal") \
	X(308, "12.2", "a ReInit proposal stands alone") \
	X(309, "12.2", "ExternalInit is in external commits only") \
	X(310, "12.2", "a proposal type is supported by all members who process it") \
	X(311, "12.4", "the path is there where the proposals require it") \
	X(312, "12.2", "an external commit has exactly one ExternalInit") \
	X(313, "12.2", "an external commit has at most one Remove") \
	X(314, "12.2", "an external commit has ExternalInit, Remove and PreSharedKey proposals only") \
	X(315, "12.4.3.2", "an external commit has no proposal by reference") \
	X(316, "12.4.3.2", "an external commit has a path") \
	X(317, "12.1.4", "PSKs of usage reinit and branch are for the groups they start") \
	X(318, "12.1.4", "a psk_nonce has length KDF.Nh") \
	X(319, "12.1.5", "a ReInit does not lower the version") \
	X(320, "12.1.3", "a Remove names a leaf that is not blank") \
	X(322, "12.1.8", "a proposal type may be sent by a sender outside of the group") \
	X(323, "12.1.8.1", "an external_senders extension is well formed") \
	X(324, "11.1", "a required_capabilities extension is well formed") \
	X(325, "8.3", "the kem_output of an ExternalInit gives an init secret") \
	X(330, "12.4.3.1", "a Welcome has secrets for one of our key packages, of its cipher suite") \
	X(331, "12.4.3.1", "the group secrets of a Welcome decrypt and are well formed") \
	X(332, "12.4.3.1", "a PSK of usage reinit or branch is the only such PSK of a Welcome") \
	X(333, "12.4.3.1", "the GroupInfo of a Welcome decrypts") \
	X(334, "12.4.3", "the signature of a GroupInfo verifies with the key of its signer's leaf") \
	X(335, "12.4.3.1", "the cipher suite of a GroupInfo is that of the key package") \
	X(336, "12.4.3.1", "the tree hash of the ratchet tree is that of the GroupContext") \
	X(337, "12.4.3.1", "a leaf of the tree is identical to that of our key package") \
	X(338, "12.4.3.1", "the confirmation tag of a GroupInfo is right") \
	X(339, "12.4.3.1", "a group made by reinitialisation or branching is at epoch 1") \
	X(340, "11.2", "a reinitialised group has the parameters of the ReInit proposal") \
	X(341, "11.2", "all members of the old group are members of the reinitialised one") \
	X(342, "11.3", "a branched group has version and cipher suite of the old one") \
	X(343, "11.3", "the members of a branched group are members of the old one") \
	X(345, "12.4.3.2", "a GroupInfo for an external join has external_pub") \
	X(346, "12.4.3", "a GroupInfo is that of the epoch it is given for")

#define SP_MLS_RULES(X) SP_MLS_RULES_FRAMING(X) SP_MLS_RULES_TREE(X) SP_MLS_RULES_GROUP(X)

#endif
