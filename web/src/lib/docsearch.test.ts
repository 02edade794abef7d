import { describe, expect, it } from "vitest";
import { searchSections, sectionsOf } from "./docsearch";

const html = '<h1 id="usage">Using &amp; seeing</h1><p>Intro</p><h2 id="filter">The filter</h2><p>Write <code>SrcAS = AS1</code> &lt;here&gt;.</p><h3 id="x">Ports</h3><p>Numbers</p>';

describe("search in the documentation", () => {
    const sections = sectionsOf("usage", html);
    it("knows sections, their anchors and plain text", () => {
        expect(sections.map((s) => [s.id, s.heading, s.pageTitle])).toEqual([["", "Using & seeing", "Using & seeing"], ["filter", "The filter", "Using & seeing"], ["x", "Ports", "Using & seeing"]]);
        expect(sections[1]!.text).toBe("Write SrcAS = AS1 <here>.");
    });
    it("wants every word, headings first", () => {
        expect(searchSections(sections, "filter", 5)[0]!.id).toBe("filter");
        expect(searchSections(sections, "srcas here", 5).map((h) => h.id)).toEqual(["filter"]);
        expect(searchSections(sections, "nonsense", 5)).toEqual([]);
        expect(searchSections(sections, "  ", 5)).toEqual([]);
    });
    it("shows what was found in its place", () => {
        const [hit] = searchSections(sections, "SRCAS", 1);
        expect([hit!.before, hit!.match, hit!.after]).toEqual(["Write ", "SrcAS", " = AS1 <here>."]);
    });
});
