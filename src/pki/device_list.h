/* SPDX-License-Identifier: Apache-2.0
 *
 * The account chain: an account is a sequence of signed device lists. Version 1 is signed by its first device; version
 * n+1 by a key that version n names (a device, or the recovery key). So a valid certificate alone never adds a device
 * to somebody's account: neither the server nor the authority can do it unseen (ATTACKS M02, K08).
 *
 * A list that no earlier key signed is refused, unless it carries the flag "recovered": everything was lost and the
 * organisation began the account anew. It must then be signed by a device that it names, and every client shows it.
 *
 * Pure: bytes in, verdict out. Does not check: certificates (pki/pki.h); times in a list (its signer's clock wrote
 * them, they are for display); who may publish a list (the server, the keeper).
 */
#ifndef SP_PKI_DEVICE_LIST_H
#define SP_PKI_DEVICE_LIST_H

#include "pki/pki.h"

#define SP_DEVICE_LIST_LABEL "Sealpost DeviceList 1"
#define SP_DEVICE_LIST_RECOVERED 1u

/* struct {
 *     opaque spki_hash[32];
 *     opaque device_id[16];
 *     opaque name<V>;
 *     uint64 added_ms;
 * } DeviceEntry;
 */
struct sp_device_entry {
	struct sp_hash32 spki_hash;
	struct sp_id16 device_id;
	struct sp_bytes name; /* borrowed; UTF-8, for display */
	struct sp_time added;
};

/* struct {
 *     uint16 format = 1;
 *     opaque account_id[16];
 *     opaque address<V>;
 *     uint32 version;
 *     opaque previous_hash[32];   -- zero in version 1
 *     uint8 flags;                -- 1 = recovered
 *     DeviceEntry devices<V>;     -- 1..32, no key and no id twice
 *     opaque recovery_key<V>;     -- P-256 point or empty
 *     uint64 time_ms;
 * } DeviceList;
 */
struct sp_device_list {
	struct sp_id16 account_id;
	struct sp_bytes address; /* borrowed */
	uint32_t version;
	struct sp_hash32 previous_hash;
	uint8_t flags;
	struct sp_device_entry devices[SP_LIMIT_ACCOUNT_DEVICES];
	size_t devices_n;
	struct sp_bytes recovery_key; /* borrowed */
	struct sp_time time;
};

/* struct {
 *     DeviceList list;
 *     opaque signer_key<V>;       -- P-256 point
 *     opaque signature<V>;        -- SignWithLabel(., "Sealpost DeviceList 1", list)
 * } SignedDeviceList;
 */
struct sp_signed_device_list {
	struct sp_device_list list;
	struct sp_bytes list_bytes; /* borrowed, as signed */
	struct sp_bytes signer_key; /* borrowed */
	struct sp_bytes signature;  /* borrowed */
};

/* Shape only, no signature: the result is unverified until a chain applied it. Borrows from `in`. */
SP_MUST_USE enum sp_err sp_device_list_decode(struct sp_signed_device_list *out, struct sp_bytes in);
/* Appends the SignedDeviceList. SP_ERR_USAGE for a list that decode would refuse. */
SP_MUST_USE enum sp_err sp_device_list_sign(struct sp_buf *out, const struct sp_device_list *list, const struct sp_signer *signer);

/* The verified state after the newest version. Zero state: no version yet. Plain data, safe to copy and to store as
 * the encoded lists it came from. */
struct sp_device_chain_entry {
	struct sp_hash32 spki_hash;
	struct sp_id16 device_id;
};
struct sp_device_chain {
	uint32_t version; /* 0 = nothing applied yet */
	struct sp_id16 account_id;
	char address[SP_LIMIT_ADDRESS + 1];
	struct sp_hash32 head;        /* hash of the newest SignedDeviceList */
	struct sp_hash32 fingerprint; /* the person's: SHA-256 of the first device's DER SubjectPublicKeyInfo */
	struct sp_device_chain_entry devices[SP_LIMIT_ACCOUNT_DEVICES];
	size_t devices_n;
	struct sp_pki_point recovery_key;
	bool has_recovery_key;
	uint32_t recovered_at; /* the newest version that broke the chain with the flag; 0 = none did */
};

/* Verifies one SignedDeviceList as the next version and takes it. SP_ERR_SIGNATURE; SP_ERR_INVALID (wrong account,
 * address, version, hash, flag); SP_ERR_DENIED when no key of the version before signed it. On failure the chain is
 * as it was. */
SP_MUST_USE enum sp_err sp_device_chain_apply(struct sp_device_chain *chain, struct sp_bytes signed_list);
/* Is this key named by the newest version? A renewed certificate with the same key stays entitled. */
bool sp_device_chain_has(const struct sp_device_chain *chain, const struct sp_hash32 *spki_hash);
/* M02: the judged certificate belongs to this account, carries its address, and its key is in the newest list under
 * the same device id. SP_ERR_DENIED otherwise. */
SP_MUST_USE enum sp_err sp_device_chain_entitle(const struct sp_device_chain *chain, const struct sp_pki_identity *identity);

#endif
