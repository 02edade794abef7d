/* The documentation's contents and the links inside of it. */
import type { DocsPage } from "@/api/types";

export function groupBySection(toc: readonly DocsPage[]): { name: string; pages: DocsPage[] }[] {
    const sections = new Map<string, DocsPage[]>();
    for (const page of toc) sections.set(page.section, [...(sections.get(page.section) ?? []), page]);
    return [...sections].map(([name, pages]) => ({ name, pages }));
}

/** Where a link of the page `current` leads inside of the documentation; null when it leads elsewhere. */
export function docsTarget(href: string, current: string): { page: string; hash: string } | null {
    if (href.startsWith("#")) return { page: current, hash: href };
    const match = /^\/?(?:docs\/)([\w-]+)(#[^#]*)?$/.exec(href) ?? /^([\w-]+)\.md(#[^#]*)?$/.exec(href);
    return match ? { page: match[1]!, hash: match[2] ?? "" } : null;
}

/** What a fragment names; nothing when it is no text. */
export function anchorOf(hash: string): string {
    try {
        return decodeURIComponent(hash.slice(1));
    } catch {
        return "";
    }
}

/** Whether a link leads to another page of the console ("/visualize"), wherever the console lives. */
export const consolePath = (href: string): boolean => /^\/(visualize|compare|flows)?(?![\w-])/.test(href) && !href.startsWith("//");
