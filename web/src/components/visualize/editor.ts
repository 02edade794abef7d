/* The filter editor's CodeMirror, in a chunk of its own. */
import { autocompletion, closeBrackets, closeBracketsKeymap, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { HighlightStyle, StreamLanguage, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { linter, type Diagnostic } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { minimalSetup } from "codemirror";
import { api, isAbort } from "@/api/client";
import type { Completion, FilterError } from "@/api/types";
import { legible } from "@/lib/legible";
import { characterIndex, quoted, tokenAt, wantedAt, type Wanted } from "@/lib/filterlang";

export interface EditorOptions {
    parent: HTMLElement;
    text: string;
    label: string;
    changed(text: string): void;
    apply(): void;
    /** The first problem, or "" when the text is a filter. */
    checked(problem: string): void;
}

const STYLES: Record<string, string> = {
    column: "propertyName", keyword: "keyword", operator: "operator", string: "string", number: "number", constant: "atom",
    comment: "comment", punctuation: "punctuation", bad: "invalid",
};

const language = StreamLanguage.define<{ block: boolean }>({
    name: "filter",
    startState: () => ({ block: false }),
    languageData: { commentTokens: { line: "--", block: { open: "/*", close: "*/" } }, closeBrackets: { brackets: ["(", '"', "'"] } },
    token(stream, state) {
        if (state.block) {
            state.block = !stream.match(/^.*?\*\//);
            if (state.block) stream.skipToEnd();
            return "comment";
        }
        if (stream.eatSpace()) return null;
        const token = tokenAt(stream.string, stream.pos);
        if (!token) return stream.next() ? null : null;
        stream.pos = token.to;
        state.block = token.text.startsWith("/*") && !token.text.endsWith("*/");
        return STYLES[token.kind]!;
    },
});

const colors = HighlightStyle.define([
    { tag: tags.propertyName, color: "var(--code-column)" },
    { tag: tags.keyword, color: "var(--code-keyword)", fontWeight: "600" },
    { tag: tags.operator, color: "var(--ink-2)" },
    { tag: [tags.string, tags.number, tags.atom], color: "var(--code-value)" },
    { tag: tags.comment, color: "var(--ink-3)", fontStyle: "italic" },
    { tag: tags.invalid, color: "var(--bad)" },
]);

const look = EditorView.theme({
    "&": { fontSize: "13px", backgroundColor: "transparent", color: "var(--ink)" },
    "&.cm-focused": { outline: "none" },
    ".cm-content": { fontFamily: "var(--font-mono)", padding: "7px 2px", minHeight: "64px", caretColor: "var(--ink)" },
    ".cm-scroller": { lineHeight: "1.5", maxHeight: "260px" },
    ".cm-cursor": { borderLeftColor: "var(--ink)" },
    ".cm-placeholder": { color: "var(--ink-3)" },
    "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { background: "var(--accent-soft)" },
    ".cm-matchingBracket": { background: "var(--accent-soft)", outline: "1px solid var(--line-strong)" },
    ".cm-tooltip": { background: "var(--surface)", border: "1px solid var(--line-strong)", borderRadius: "8px", boxShadow: "var(--shadow-pop)", overflow: "hidden", color: "var(--ink)" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-mono)", fontSize: "12.5px", maxHeight: "16em" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 10px" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { background: "var(--accent)", color: "var(--on-accent)" },
    ".cm-completionDetail": { fontStyle: "normal", opacity: "0.7", marginLeft: "1em", fontFamily: "var(--font-sans)" },
    ".cm-diagnostic": { fontFamily: "var(--font-sans)", fontSize: "12.5px", padding: "5px 10px", whiteSpace: "pre-wrap" },
    ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
    ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)", textUnderlineOffset: "3px" },
    ".cm-lintPoint-error:after": { borderBottomColor: "var(--bad)" },
});

/** Where the server says an error is: its token underlined, or the end of the text. */
export function diagnosticOf(text: string, error: FilterError): Diagnostic {
    const at = Math.min(characterIndex(text, error.offset), text.length);
    const token = at < text.length ? tokenAt(text, at) : null;
    const from = at >= text.length ? Math.max(0, text.length - 1) : at;
    return { from, to: Math.max(token?.to ?? from + 1, Math.min(from + 1, text.length)), severity: "error", message: error.message };
}

const lint = (checked: EditorOptions["checked"]) =>
    linter(
        async (view) => {
            const text = view.state.doc.toString();
            if (!text.trim()) {
                checked("");
                return [];
            }
            try {
                const answer = await api.validateFilter(text);
                if (text !== view.state.doc.toString()) return [];
                checked(answer.errors?.length ? answer.errors[0]!.message || answer.message : "");
                return (answer.errors ?? []).map((e) => diagnosticOf(text, e));
            } catch {
                return []; // the server will say it again when the filter is applied
            }
        },
        { delay: 300 },
    );

function option(wanted: Wanted, c: Completion) {
    const value = wanted.what === "value";
    const apply = value && c.quoted ? quoted(c.label) : c.label;
    return { label: c.label, displayLabel: legible(c.label), detail: c.detail ?? "", apply: value ? apply : `${apply} ` };
}

const LOGIC = ["AND", "OR", ")"];

async function complete(context: CompletionContext): Promise<CompletionResult | null> {
    const wanted = wantedAt(context.state.sliceDoc(0, context.pos));
    if (wanted.what === "nothing") return null;
    if (!context.explicit && wanted.what !== "value" && !wanted.prefix) return null;
    if (wanted.what === "logic") {
        const words = LOGIC.filter((w) => w !== ")" || wanted.closing);
        return { from: wanted.from, options: words.map((label) => ({ label, apply: `${label} ` })) };
    }
    const gone = new AbortController();
    context.addEventListener("abort", () => gone.abort());
    try {
        const { from, ...question } = wanted;
        const found = await api.completeFilter(questionOf(question), gone.signal);
        const options = found.map((c) => option(wanted, c));
        if (wanted.what === "column" && "not".startsWith(wanted.prefix.toLowerCase())) options.push({ label: "NOT", displayLabel: "NOT", detail: "", apply: "NOT " });
        return options.length > 0 ? { from, options, filter: false } : null;
    } catch (e) {
        if (!isAbort(e)) console.info(`no completion: ${String(e)}`);
        return null;
    }
}

function questionOf(w: { what: "column" | "operator" | "value"; prefix: string; column?: string; operator?: string }) {
    return { what: w.what, prefix: w.prefix, ...(w.column ? { column: w.column } : {}), ...(w.operator ? { operator: w.operator } : {}) };
}

export function createEditor(o: EditorOptions): EditorView {
    const keys = Prec.highest(keymap.of([{ key: "Mod-Enter", run: () => (o.apply(), true) }]));
    const state = EditorState.create({
        doc: o.text,
        extensions: [
            keys,
            minimalSetup,
            closeBrackets(),
            keymap.of(closeBracketsKeymap),
            bracketMatching(),
            language,
            syntaxHighlighting(colors),
            autocompletion({ override: [complete], icons: false, closeOnBlur: true }),
            lint(o.checked),
            look,
            EditorView.lineWrapping,
            EditorView.contentAttributes.of({ "aria-label": o.label, spellcheck: "false", autocapitalize: "off" }),
            placeholder('Everything. For example: InIfBoundary = external AND SrcAS = AS15169'),
            EditorView.updateListener.of((u) => u.docChanged && o.changed(u.state.doc.toString())),
        ],
    });
    // In a shadow root CodeMirror adopts constructed style sheets instead of writing <style> elements, which
    // "default-src 'self'" refuses.
    const root = o.parent.attachShadow({ mode: "open" });
    return new EditorView({ state, parent: root, root });
}

export function setText(view: EditorView, text: string): void {
    if (view.state.doc.toString() === text) return;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
}
