/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking up message types, from the one list in types.h.
 */
#include "wire/types.h"

static const struct sp_wire_type_info types[] = {
#define X(number, NAME, name, manner, phase, mutation, max)                                                            \
	{SP_WIRE_##NAME, #name, SP_WIRE_MANNER_##manner, SP_WIRE_PHASE_##phase, mutation, max},
	SP_WIRE_TYPES(X)
#undef X
};

const struct sp_wire_type_info *sp_wire_type_all(size_t *out_n)
{
	*out_n = SP_ARRAY_LEN(types);
	return types;
}

const struct sp_wire_type_info *sp_wire_type_find(uint8_t number)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(types); i++) {
		if (types[i].type == number)
			return &types[i];
	}
	return NULL;
}
