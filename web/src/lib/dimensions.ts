/* The list of dimensions, grouped and searched. */

const GROUPS: [string, RegExp][] = [
    ["Source", /^Src/],
    ["Destination", /^(Dst|NextHop)/],
    ["Input interface", /^InIf/],
    ["Output interface", /^OutIf/],
    ["Exporter", /^Exporter/],
];
const REST = "Flow";

export interface DimensionGroup {
    name: string;
    names: string[];
}

/** Better matches first: whole prefix, then word beginnings ("iip" finds InIfProvider), then anywhere. */
export function matchDimensions(all: readonly string[], search: string): string[] {
    const wanted = search.trim().toLowerCase();
    if (!wanted) return [...all];
    const score = (name: string): number => {
        const lower = name.toLowerCase();
        if (lower.startsWith(wanted)) return 3;
        const initials = name.replace(/[^A-Z0-9]/g, "").toLowerCase();
        if (initials.startsWith(wanted)) return 2;
        return lower.includes(wanted) ? 1 : 0;
    };
    return all
        .map((name) => ({ name, score: score(name) }))
        .filter((x) => x.score > 0)
        .sort((a, b) => b.score - a.score)
        .map((x) => x.name);
}

/** While searching, the order of the matches counts more than the groups. */
export function dimensionGroups(names: readonly string[], searching: boolean): DimensionGroup[] {
    if (searching) return names.length > 0 ? [{ name: "Matches", names: [...names] }] : [];
    const groups = new Map<string, string[]>([...GROUPS.map(([name]) => [name, []] as [string, string[]]), [REST, []]]);
    for (const name of names) groups.get(GROUPS.find(([, p]) => p.test(name))?.[0] ?? REST)!.push(name);
    return [...groups].filter(([, list]) => list.length > 0).map(([name, list]) => ({ name, names: list.sort() }));
}

export function moved(list: readonly string[], from: number, to: number): string[] {
    const copy = [...list];
    const [item] = copy.splice(from, 1);
    if (item !== undefined) copy.splice(to, 0, item);
    return copy;
}
