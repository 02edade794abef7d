/* Full text of the documentation, section by section; made in the browser from the pages themselves. */

export interface Section {
    page: string;
    pageTitle: string;
    id: string;
    heading: string;
    text: string;
}

export interface Hit extends Section {
    /** The text around what was found, in three parts. */
    before: string;
    match: string;
    after: string;
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', amp: "&", "#39": "'", nbsp: " " };
const plain = (html: string): string =>
    html
        .replace(/<[^>]*>/g, " ")
        .replace(/&(lt|gt|quot|amp|#39|nbsp);/g, (_, name: string) => ENTITIES[name]!)
        .replace(/\s+/g, " ")
        .trim();

/** The server's HTML: headings carry their anchors. */
export function sectionsOf(page: string, html: string): Section[] {
    const parts = html.split(/(?=<h[1-4][\s>])/);
    const found = parts.flatMap((part) => {
        const match = /^<h([1-4])([^>]*)>([^]*?)<\/h\1>([^]*)$/.exec(part);
        if (!match) return [];
        return [{ level: Number(match[1]), id: /\bid="([^"]*)"/.exec(match[2]!)?.[1] ?? "", heading: plain(match[3]!), text: plain(match[4]!) }];
    });
    const pageTitle = found.find((s) => s.level === 1)?.heading ?? page;
    return found.map((s) => ({ page, pageTitle, id: s.level === 1 ? "" : s.id, heading: s.heading, text: s.text }));
}

function around(section: Section, words: string[]): Hit {
    const lower = section.text.toLowerCase();
    const at = Math.max(0, Math.min(...words.map((w) => lower.indexOf(w)).filter((i) => i >= 0), section.text.length));
    const word = words.find((w) => lower.startsWith(w, at)) ?? "";
    const from = Math.max(0, at - 50);
    return {
        ...section,
        before: (from > 0 ? "…" : "") + section.text.slice(from, at),
        match: section.text.slice(at, at + word.length),
        after: section.text.slice(at + word.length, at + word.length + 90),
    };
}

/** All words have to be there; a heading counts more than text. */
export function searchSections(sections: readonly Section[], typed: string, most: number): Hit[] {
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return [];
    return sections
        .map((section, i) => {
            const heading = `${section.heading} ${section.pageTitle}`.toLowerCase(), text = section.text.toLowerCase();
            const scores = words.map((w) => (section.heading.toLowerCase().includes(w) ? 6 : heading.includes(w) ? 3 : 0) + Math.min(3, text.split(w).length - 1));
            return { section, i, score: scores.some((s) => s === 0) ? 0 : scores.reduce((a, b) => a + b, 0) };
        })
        .filter((s) => s.score > 0)
        .sort((a, b) => b.score - a.score || a.i - b.i)
        .slice(0, most)
        .map((s) => around(s.section, words));
}
