/* A question in words: for the line above the chart and for the page's title. */
import { formatRange, presetFor, resolveRange } from "./time";
import { legible } from "./legible";
import { unitInfo } from "./units";
import type { VisualizeState } from "./urlstate";

const LIMIT_WORDS = { avg: "average", max: "maximum", last: "last value" } as const;

export function rangeWords(state: Pick<VisualizeState, "start" | "end">): string {
    const preset = presetFor(state.start, state.end);
    const { range } = resolveRange(state.start, state.end);
    const exact = range ? formatRange(range) : `${state.start} – ${state.end}`;
    return preset ? `${preset.label.toLowerCase()} (${exact})` : exact;
}

/** Short name for a button: the preset's, else the range itself. */
export function rangeLabel(state: Pick<VisualizeState, "start" | "end">): string {
    const preset = presetFor(state.start, state.end);
    if (preset) return preset.label;
    const { range } = resolveRange(state.start, state.end);
    return range ? formatRange(range) : legible(`${state.start} – ${state.end}`);
}

function dimensionWords(state: VisualizeState): string {
    if (state.dimensions.length === 0) return "All traffic together";
    return `Top ${state.limit} ${state.dimensions.join(", ")} by ${LIMIT_WORDS[state.limitType]}`;
}

export interface Summary {
    what: string;
    when: string;
    unit: string;
    filter: string;
    extras: string[];
}

export function summarize(state: VisualizeState, truncatable: readonly string[]): Summary {
    const extras: string[] = [];
    if (state.bidirectional) extras.push("both directions");
    if (state.previousPeriod) extras.push("with the previous period");
    if (state.errorBand) extras.push("with the error of sampling");
    if (state.dimensions.some((d) => truncatable.includes(d)) && (state.truncateV4 < 32 || state.truncateV6 < 128)) {
        extras.push(`addresses cut to /${state.truncateV4} and /${state.truncateV6}`);
    }
    return {
        what: dimensionWords(state),
        when: rangeWords(state),
        unit: unitInfo(state.units).description,
        filter: legible(state.filter.replace(/\s+/g, " ").trim()),
        extras,
    };
}

/** "SrcAS, DstPort · InIfBoundary = external · last 6 hours": what tells one tab from another. */
export function titleOf(state: VisualizeState): string {
    const filter = state.filter.replace(/\s+/g, " ").trim();
    const cut = filter.length > 60 ? `${filter.slice(0, 59)}…` : filter;
    const when = presetFor(state.start, state.end)?.label.toLowerCase();
    return [state.dimensions.join(", ") || "All traffic", cut, when].filter(Boolean).join(" · ");
}
