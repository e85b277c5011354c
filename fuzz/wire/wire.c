/* SPDX-License-Identifier: Apache-2.0
 *
 * Every decoder of the wire. Properties: what decodes encodes to the same bytes; lists that decoded can be walked to
 * their end; reading never leaves the input.
 */
#include "wire/catalogue.h"
#include "wire/frame.h"
#include "wire/log.h"
#include "wire/response.h"
#include "../fuzz.h"

static const struct sp_wire_layout *choose(uint8_t n)
{
	const struct sp_wire_layout *layout = sp_wire_layout_at(n);
	return layout ? layout : sp_wire_item_layout();
}

static void walk_lists(const struct sp_wire_layout *layout, const uint8_t *msg)
{
	_Alignas(max_align_t) uint8_t element[512];
	for (size_t i = 0; i < layout->n; i++) {
		const struct sp_wire_field *f = &layout->fields[i];
		struct sp_bytes list;
		if (f->kind != SP_WIRE_FIELD_LIST)
			continue;
		memcpy(&list, msg + f->offset, sizeof list);
		struct sp_reader r = sp_reader_of(list);
		while (!sp_reader_is_empty(&r)) {
			FUZZ_CHECK(f->element()->size <= sizeof element);
			FUZZ_CHECK(sp_wire_layout_read(f->element(), &r, element) == SP_OK);
		}
	}
}

static void layout_is_canonical(const struct sp_wire_layout *layout, struct sp_bytes in)
{
	_Alignas(max_align_t) uint8_t msg[512];
	struct sp_buf again;
	FUZZ_CHECK(layout->size <= sizeof msg);
	if (sp_wire_layout_decode(layout, msg, in) != SP_OK)
		return;
	walk_lists(layout, msg);
	sp_buf_init(&again, SP_LIMIT_FRAME);
	FUZZ_CHECK(sp_wire_layout_encode(layout, &again, msg) == SP_OK);
	FUZZ_CHECK(again.n == in.n && (in.n == 0 || memcmp(again.p, in.p, in.n) == 0));
	sp_buf_clear(&again);
}

static void response_opens(struct sp_bytes in)
{
	struct sp_wire_response_head head;
	struct sp_bytes body;
	if (sp_wire_response_open(&head, &body, in) == SP_OK)
		FUZZ_CHECK(body.n < in.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct sp_bytes in = {data + 1, size - 1};
	struct sp_frame frame;
	layout_is_canonical(choose(data[0]), in);
	response_opens(in);
	if (sp_frame_header_decode(&frame, in) == SP_OK)
		FUZZ_CHECK(frame.kind >= SP_FRAME_REQUEST && frame.kind <= SP_FRAME_EVENT);
	return 0;
}
