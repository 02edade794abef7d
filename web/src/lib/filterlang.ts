/* The filter language as far as an editor needs it: tokens for colours, and what can come at the cursor for
 * completion. The server alone decides what is valid. */

export type TokenKind = "column" | "keyword" | "operator" | "string" | "number" | "constant" | "comment" | "punctuation" | "bad";

export interface Token {
    kind: TokenKind;
    text: string;
    from: number;
    to: number;
}

const LOGIC = new Set(["and", "or", "not"]);
const WORD_OPERATORS = new Set(["in", "notin", "like", "unlike", "ilike", "iunlike"]);
const CONSTANTS = new Set(["external", "internal", "undefined", "ingress", "egress", "ipv4", "ipv6"]);

const RULES: [RegExp, (text: string) => TokenKind][] = [
    [/--[^\n]*/y, () => "comment"],
    [/\/\*[^]*?(?:\*\/|$)/y, () => "comment"],
    [/"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?/y, () => "string"],
    [/!<<|<<|!=|<=|>=|=|<|>/y, () => "operator"],
    [/[(),]/y, () => "punctuation"],
    // As on the server one word holds the punctuation of addresses: 2001:db8::/32, 00-11-22-33-44-55, AS65000, SrcAddr.
    [/(?:[A-Za-z0-9_.:]|\/(?!\*)|-(?=[A-Za-z0-9]))+/y, word],
];

function word(text: string): TokenKind {
    const lower = text.toLowerCase();
    if (/^\d|[.:/-]|^as\d+$/.test(lower)) return "number";
    if (LOGIC.has(lower)) return "keyword";
    if (WORD_OPERATORS.has(lower)) return "operator";
    return CONSTANTS.has(lower) ? "constant" : "column";
}

/** The token at `at`, or null at white space. */
export function tokenAt(text: string, at: number): Token | null {
    for (const [pattern, kind] of RULES) {
        pattern.lastIndex = at;
        const match = pattern.exec(text);
        if (match && match[0]) return { kind: kind(match[0]), text: match[0], from: at, to: at + match[0].length };
    }
    return /\s/.test(text[at] ?? " ") ? null : { kind: "bad", text: text[at]!, from: at, to: at + 1 };
}

export function tokenize(text: string): Token[] {
    const tokens: Token[] = [];
    for (let at = 0; at < text.length; ) {
        const token = tokenAt(text, at);
        if (token) tokens.push(token);
        at = token ? token.to : at + 1;
    }
    return tokens;
}

export type Wanted =
    | { what: "column"; prefix: string; from: number }
    | { what: "operator"; column: string; prefix: string; from: number }
    | { what: "value"; column: string; operator: string; prefix: string; from: number; quote: string }
    | { what: "logic"; prefix: string; from: number; closing: boolean }
    | { what: "nothing" };

interface Position {
    state: "column" | "operator" | "value" | "list" | "after-item" | "after";
    column: string;
    operator: string;
    depth: number;
}

/** Walks over complete tokens; knows only the shape "column operator value", which is all the language has. */
function walk(tokens: Token[]): Position {
    const p: Position = { state: "column", column: "", operator: "", depth: 0 };
    for (const t of tokens) {
        if (t.kind === "comment") continue;
        const lower = t.text.toLowerCase();
        if (t.kind === "keyword") p.state = "column";
        else if (p.state === "column") {
            if (t.text === "(") p.depth++;
            else if (t.kind !== "punctuation") [p.column, p.state] = [t.text, "operator"];
        } else if (p.state === "operator") {
            if (t.kind === "operator") [p.operator, p.state] = [lower.toUpperCase(), "value"];
        } else if (p.state === "value") p.state = t.text === "(" ? "list" : "after";
        else if (p.state === "list") p.state = t.text === ")" ? "after" : "after-item";
        else if (p.state === "after-item") p.state = t.text === ")" ? "after" : t.text === "," ? "list" : "after-item";
        else if (t.text === ")") p.depth = Math.max(0, p.depth - 1);
    }
    return p;
}

/** What may be completed with the cursor at the end of `before`. */
export function wantedAt(before: string): Wanted {
    const tokens = tokenize(before);
    const lastToken = tokens.at(-1);
    const touching = lastToken !== undefined && lastToken.to === before.length;
    if (touching && lastToken.kind === "comment" && !lastToken.text.endsWith("*/")) return { what: "nothing" };
    const open = touching && lastToken.kind === "string" && !isClosed(lastToken.text);
    const typing = touching && (open || !["punctuation", "operator", "string", "comment", "bad"].includes(lastToken.kind) || /^[a-z]/i.test(lastToken.text));
    const symbol = touching && lastToken.kind === "operator" && !/^[a-z]/i.test(lastToken.text);
    const p = walk(typing || symbol ? tokens.slice(0, -1) : tokens);
    if (symbol && p.state !== "operator") return { what: "nothing" };
    if (symbol) return next({ ...p, state: "value", operator: lastToken.text }, "", before.length, "");
    const quote = open ? lastToken.text[0]! : "";
    return typing ? next(p, lastToken.text.slice(quote.length), lastToken.from, quote) : next(p, "", before.length, "");
}

function isClosed(text: string): boolean {
    return text.length > 1 && text.at(-1) === text[0] && !/[^\\](?:\\\\)*\\$/.test(text.slice(0, -1));
}

function next(p: Position, prefix: string, from: number, quote: string): Wanted {
    switch (p.state) {
        case "column":
            return quote ? { what: "nothing" } : { what: "column", prefix, from };
        case "operator":
            return { what: "operator", column: p.column, prefix, from };
        case "value":
            if (/IN$/.test(p.operator)) return { what: "nothing" };
            return { what: "value", column: p.column, operator: p.operator, prefix, from, quote };
        case "list":
            return { what: "value", column: p.column, operator: p.operator, prefix, from, quote };
        case "after-item":
            return { what: "nothing" };
        case "after":
            return { what: "logic", prefix, from, closing: p.depth > 0 };
    }
}

/** A string literal of the language. */
export const quoted = (text: string): string => `"${text.replace(/[\\"]/g, (c) => "\\" + c)}"`;

/** Both conditions at once; brackets only where they are needed. */
export function conjunction(...parts: string[]): string {
    const kept = parts.map((p) => p.trim()).filter(Boolean);
    const guarded = (p: string) => (tokenize(p).some((t) => t.text.toLowerCase() === "or" || t.kind === "comment") ? `(${p}\n)` : p);
    return kept.length < 2 ? (kept[0] ?? "") : kept.map(guarded).join(" AND ");
}

/** The server counts characters (code points), strings here count UTF-16 units. */
export function characterIndex(text: string, characters: number): number {
    let index = 0;
    for (let seen = 0; index < text.length && seen < characters; seen++) index += text.codePointAt(index)! < 0x10000 ? 1 : 2;
    return index;
}
