/* SPDX-License-Identifier: Apache-2.0
 *
 * Every label that separates one use of a key from another. docs/protocol.md "Labels" is checked against this list.
 */
#ifndef SP_WIRE_LABELS_H
#define SP_WIRE_LABELS_H

/* X(NAME, text, use) */
#define SP_WIRE_LABELS(X)                                                                                              \
	X(DEVICE_LIST, "Sealpost DeviceList 1", "SignWithLabel over an encoded DeviceList")                            \
	X(INVITE, "Sealpost Invite 1", "SignWithLabel over an encoded Invitation")                                  \
	X(RECEIPT, "Sealpost Receipt 1", "SignWithLabel over a ReceiptToSign")                                         \
	X(RECEIPT_KEY, "sealpost receipt 1", "MLS-Exporter label, empty context, 32 bytes: AES-256-GCM key of receipts")  \
	X(DIRECT, "sealpost direct 1", "SHA-256 prefix of a direct room's id")                                         \
	X(EVERYONE, "sealpost everyone 1", "SHA-256 prefix of the everyone room's id")

#define SP_LABEL_DEVICE_LIST "Sealpost DeviceList 1"
#define SP_LABEL_INVITE "Sealpost Invite 1"
#define SP_LABEL_RECEIPT "Sealpost Receipt 1"
#define SP_LABEL_RECEIPT_KEY "sealpost receipt 1"
#define SP_LABEL_DIRECT "sealpost direct 1"
#define SP_LABEL_EVERYONE "sealpost everyone 1"

#endif
