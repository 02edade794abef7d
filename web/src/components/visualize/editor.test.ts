import { describe, expect, it } from "vitest";
import { diagnosticOf } from "./editor";

const underlined = (text: string, offset: number) => {
    const d = diagnosticOf(text, { message: "m", line: 1, column: 1, offset });
    expect(d.to).toBeGreaterThan(d.from);
    expect(d.to).toBeLessThanOrEqual(text.length);
    return text.slice(d.from, d.to);
};

describe("where an error is underlined", () => {
    it("covers the token at the offset", () => {
        expect(underlined("SrcAS = AS1 AND Nonsense = 3", 16)).toBe("Nonsense");
        expect(underlined('A = "text" x', 4)).toBe('"text"');
    });
    it("is the last character when the text ends too early", () => {
        expect(underlined("SrcAS =", 7)).toBe("=");
        expect(underlined("SrcAS = ", 99)).toBe(" ");
    });
    it("counts characters as the server does", () => expect(underlined('A = "é😀" AND Foo = 1', 13)).toBe("Foo"));
    it("stands on white space, too", () => expect(underlined("A  = 1", 1)).toBe(" "));
});
