/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside codec: the list of words, 10 bits each.
 */
#ifndef SP_WORDS_PRIV_H
#define SP_WORDS_PRIV_H

#include "codec/codec.h"

#define SP__WORDS 1024u
#define SP__WORD_BITS 10u
#define SP__WORD_MAX 7u
#define SP__WORD_PREFIX 4u /* enough letters to know a word */

extern const char sp__words[SP__WORDS][SP__WORD_MAX + 1];

#endif
