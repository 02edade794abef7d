import { describe, expect, it } from "vitest";
import { consolePath, docsTarget, groupBySection } from "./docs";

describe("documentation", () => {
    it.each([
        ["#ports", { page: "here", hash: "#ports" }],
        ["docs/operating#backups", { page: "operating", hash: "#backups" }],
        ["/docs/usage", { page: "usage", hash: "" }],
        ["usage.md", { page: "usage", hash: "" }],
        ["https://example.com/docs/usage", null],
        ["//example.com/docs/usage", null],
        ["assets/docs/x.png", null],
        ["javascript:alert(1)", null],
    ])("%j", (href, expected) => expect(docsTarget(href, "here")).toEqual(expected));
    it("keeps the order of pages in their sections", () => {
        const page = (name: string, section: string) => ({ name, section, headers: [] });
        expect(groupBySection([page("a", "X"), page("b", "Y"), page("c", "X")]).map((s) => [s.name, s.pages.map((p) => p.name)])).toEqual([["X", ["a", "c"]], ["Y", ["b"]]]);
    });
});

describe("links into the console", () => {
    it.each([["/", true], ["/visualize", true], ["/flows/f1-x", true], ["/compare", true], ["//example.org", false], ["/api/v0/metrics", false], ["https://example.org/", false], ["/visualizer", false]])(
        "%s", (href, ours) => expect(consolePath(href)).toBe(ours));
});
