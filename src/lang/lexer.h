/*
 * lexer: text of a filter to tokens, with their place for messages. Rules have a lexer of their own (rule_lexer.c).
 *
 * A word is any run of letters, digits and the punctuation of addresses (`_ . : /`, and `-` between two of them), so that
 * 2001:db8::/32, 00-11-22-33-44-55, AS65000 and SrcAddr are one token each; what a word means is the parser's business.
 * Strings stand in ' or ", with \ before the same quote or another \, on one line. `--` comments to the end of the line, and
 * slash-star comments, are skipped. Owns nothing but decoded strings, which go to the arena. One thread.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_STRING,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_SIGN,
    TOKEN_BAD
};

struct token {
    enum token_kind kind;
    struct str text;  /* as written */
    struct str value; /* of a string: without quotes and escapes */
    size_t at;        /* byte offset in the whole text */
};

/* Where and what: line and column count from 1, offset from 0, both in characters (code points). */
struct lang_error {
    char message[320];
    unsigned line, column;
    size_t offset;
};

struct lexer {
    struct str all;
    size_t at; /* next byte to read */
    struct arena *arena;
    struct lang_error *error;
    bool vague; /* the error says what is wrong, but not yet what was expected: only the parser knows */
};

void lexer_init(struct lexer *l, struct str text, struct arena *a, struct lang_error *e);
/* TOKEN_BAD once the error is set. */
struct token lexer_next(struct lexer *l);
/* Sets the error at byte `at`, unless one is set already (the first one is the cause). Returns false. */
bool lexer_error(struct lexer *l, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Completes an error that does not say what was expected; nothing otherwise. */
void lexer_expected(struct lexer *l, const char *what);
/* The character so far ahead, 0 beyond the end. */
char lexer_look(const struct lexer *l, size_t ahead);
/* Skips blanks and comments, of which those to the end of a line begin with `line` twice. False on a comment that never ends. */
bool lexer_blanks(struct lexer *l, char line);
/* The line of the text at fault with a caret below it, for a terminal. */
void lexer_caret(struct str text, const struct lang_error *e, struct buf *out);
