import { describe, expect, it } from "vitest";
import { PALETTES, placesOf, rampColor } from "./palette";

type Vec = [number, number, number];
const linear = (hex: string): Vec =>
    [1, 3, 5].map((i) => {
        const c = parseInt(hex.slice(i, i + 2), 16) / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    }) as Vec;
const apply = (m: number[][], v: Vec): Vec => m.map((r) => Math.max(0, r[0]! * v[0] + r[1]! * v[1] + r[2]! * v[2])) as Vec;

// Machado, Oliveira, Fernandes 2009, severity 1.0.
const SIGHT: Record<string, number[][]> = {
    normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
};

function oklab([r, g, b]: Vec): Vec {
    const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
}

const distance = (a: Vec, b: Vec) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

describe.each(Object.entries(PALETTES))("%s palette", (_, colors) => {
    it.each(Object.entries(SIGHT))("can be told apart with %s sight", (_name, matrix) => {
        const seen = colors.map((c) => oklab(apply(matrix, linear(c))));
        for (let i = 0; i < seen.length; i++) {
            for (let j = 0; j < i; j++) {
                // The first ten are what most charts show; 0.04 is a clear step in OKLab.
                const least = i < 10 ? 0.08 : i - j <= 2 ? 0.07 : 0.045;
                expect(distance(seen[i]!, seen[j]!), `${colors[i]} against ${colors[j]}`).toBeGreaterThan(least);
            }
        }
    });
    it("has twenty different colours", () => expect(new Set(colors).size).toBe(20));
});

describe("colours of values", () => {
    it("stay with their value from chart to chart", () => {
        const first = placesOf(["15169: Google", "2906: Netflix", "32934: Meta"]);
        const second = placesOf(["32934: Meta", "64500: New", "15169: Google"]);
        expect([second[0], second[2]]).toEqual([first[2], first[0]]);
    });
    it("are distinct within a chart as long as there are colours", () => {
        for (const n of [5, 10, 20]) expect(new Set(placesOf(Array.from({ length: n }, (_, i) => `value ${n} ${i}`))).size).toBe(n);
        expect(placesOf(Array.from({ length: 50 }, (_, i) => `many ${i}`))).toHaveLength(50);
    });
    it("of few come from the ten that differ most", () => {
        expect(Math.max(...placesOf(Array.from({ length: 8 }, (_, i) => `few ${i}`)))).toBeLessThan(10);
    });
    it("of amounts get darker or lighter steadily", () => {
        const light = [0, 0.25, 0.5, 0.75, 1].map((p) => oklab(linear(rampColor(p, "light")))[0]);
        const dark = [0, 0.25, 0.5, 0.75, 1].map((p) => oklab(linear(rampColor(p, "dark")))[0]);
        expect(light).toEqual([...light].sort((a, b) => b - a));
        expect(dark).toEqual([...dark].sort((a, b) => a - b));
    });
});
