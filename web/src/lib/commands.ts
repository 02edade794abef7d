/* What the keyboard can do: pages say what they offer, the palette lists it, single keys call it. */
import { onUnmounted, shallowReactive } from "vue";

export interface Command {
    group: string;
    label: string;
    /** Further words it is found by, and what is shown beside it. */
    hint?: string;
    /** A single key that calls it, when nothing is being typed. */
    key?: string;
    run(): void;
}

type Provider = () => Command[];
const providers = shallowReactive(new Set<Provider>());

/** For as long as the calling component lives. */
export function useCommands(provider: Provider): void {
    providers.add(provider);
    onUnmounted(() => providers.delete(provider));
}

export const allCommands = (): Command[] => [...providers].flatMap((p) => p());

/** How well a command answers to what was typed; 0: not at all. Every word has to be found; beginnings count more. */
export function matchScore(command: Pick<Command, "label" | "group" | "hint">, typed: string): number {
    const label = command.label.toLowerCase();
    const all = `${label} ${command.group.toLowerCase()} ${command.hint?.toLowerCase() ?? ""}`;
    let score = 1;
    for (const word of typed.toLowerCase().split(/\s+/).filter(Boolean)) {
        if (label.startsWith(word)) score += 4;
        else if (new RegExp(`(^|[^a-z0-9])${word.replace(/[^a-z0-9]/g, "\\$&")}`).test(label)) score += 3;
        else if (label.includes(word)) score += 2;
        else if (all.includes(word)) score += 1;
        else return 0;
    }
    return score;
}

export function matchCommands(commands: readonly Command[], typed: string, most: number): Command[] {
    if (!typed.trim()) return commands.slice(0, most);
    return commands
        .map((command, i) => ({ command, i, score: matchScore(command, typed) }))
        .filter((c) => c.score > 0)
        .sort((a, b) => b.score - a.score || a.i - b.i)
        .slice(0, most)
        .map((c) => c.command);
}

/** True while keys belong to a field. */
function typing(event: KeyboardEvent): boolean {
    const target = event.composedPath()[0];
    if (!(target instanceof HTMLElement)) return false;
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** The command that a key press calls, if any. */
export function commandFor(event: KeyboardEvent): Command | undefined {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event) || document.querySelector('[role="dialog"]')) return undefined;
    return allCommands().find((c) => c.key === event.key);
}
