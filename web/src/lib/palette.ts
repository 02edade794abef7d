/* Colours of series. Twenty hues whose distance was searched for in OKLab under normal, protanopic and deuteranopic
 * sight (palette.test.ts holds them to it); neighbours in the list, which are neighbours in a stack, differ most. */

const LIGHT = [
    "#427de0", "#f38b00", "#1eaa96", "#bd437a", "#6f50b8", "#edc112", "#039bc8", "#8e4d31", "#89b56d", "#d9534f",
    "#97bafa", "#f2b768", "#67c9a6", "#f2afda", "#b19de0", "#8b7200", "#237192", "#b88e79", "#5e8347", "#f5a29a",
] as const;
const DARK = [
    "#619af9", "#f39e23", "#55cbac", "#d86fab", "#886cd1", "#f8c836", "#56c6ec", "#a05420", "#a1e18f", "#f07f6c",
    "#3962a6", "#ba6900", "#038883", "#c8506a", "#715cc4", "#a9912e", "#257b99", "#eccdbd", "#5d8a37", "#a13e40",
] as const;

export const PALETTES = { light: LIGHT, dark: DARK };

const OTHER = { light: "#a3adb6", dark: "#5e6c78" };

export type Theme = "light" | "dark";

export function seriesColor(rank: number, theme: Theme): string {
    const colors = PALETTES[theme];
    return colors[rank % colors.length]!;
}

/* A value has the same colour in every chart: its place in the palette comes from its text, and once given is kept in
 * this browser. Only when two values of one chart ask for the same place does the later one move on. */
const REMEMBERED = 2000;
const KEY = "weir-colours";
const places = new Map<string, number>(stored());

function stored(): [string, number][] {
    try {
        const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
        const whole = (p: unknown): boolean => Number.isInteger(p) && (p as number) >= 0 && (p as number) < LIGHT.length;
        return Array.isArray(list) ? list.filter((e): e is [string, number] => Array.isArray(e) && typeof e[0] === "string" && whole(e[1])) : [];
    } catch {
        return [];
    }
}

let saving: ReturnType<typeof setTimeout> | undefined;
function saveSoon(): void {
    clearTimeout(saving);
    saving = setTimeout(() => {
        try {
            localStorage.setItem(KEY, JSON.stringify([...places]));
        } catch {
            /* kept until the page is closed */
        }
    }, 1000);
}

function hash(text: string): number {
    let h = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    h ^= h >>> 15;
    return Math.imul(h, 0x2c1b3c6d) >>> 8;
}

function remember(value: string, place: number): number {
    if (places.size >= REMEMBERED) places.delete(places.keys().next().value!);
    places.set(value, place);
    if (typeof localStorage !== "undefined") saveSoon();
    return place;
}

/** The first ten differ most: they are given away before the others. */
const FIRST = 10;

/** The wanted place, or the next free one; the wanted one again when all are taken. */
function freePlace(wanted: number, taken: ReadonlySet<number>): number {
    for (const n of [FIRST, LIGHT.length]) {
        for (let step = 0; step < n; step++) if (!taken.has((wanted + step) % n)) return (wanted + step) % n;
    }
    return wanted;
}

/** Places for the values of one chart, most important first; distinct as long as there are no more than colours. */
export function placesOf(values: readonly string[]): number[] {
    const taken = new Set<number>();
    const given = values.map((v) => {
        const known = places.get(v);
        if (known === undefined || taken.has(known)) return undefined;
        taken.add(known);
        return known;
    });
    return values.map((v, i) => {
        if (given[i] !== undefined) return given[i]!;
        const place = freePlace(hash(v) % FIRST, taken);
        taken.add(place);
        return places.has(v) ? place : remember(v, place);
    });
}

export function valueColors(values: readonly string[], theme: Theme): string[] {
    return placesOf(values).map((place) => seriesColor(place, theme));
}

/** What is left over is grey, so that it never passes for a value of its own. */
export const otherColor = (theme: Theme): string => OTHER[theme];

/** The inks a canvas needs, which cannot read CSS variables. */
export const chartInk = {
    light: { strong: "#16202a", text: "#5f6d7a", grid: "#e6eaee", axis: "#c5ced6", surface: "#ffffff", accent: "#0f6c8c", previous: "#45525f" },
    dark: { strong: "#e7edf2", text: "#8b99a6", grid: "#222d37", axis: "#3c4b58", surface: "#141c23", accent: "#55b9db", previous: "#b3bfca" },
} as const;

/* From nothing to most, by lightness as well as by hue, so that it reads without colour too. */
const RAMPS = {
    light: ["#f1f5f7", "#d3ece0", "#93d3c6", "#45abc0", "#1d74a8", "#173b7a"],
    dark: ["#19232c", "#17405e", "#1b6c97", "#2ba3b0", "#8bd4a8", "#f4f6b4"],
} as const;

const channel = (hex: string, at: number): number => Number.parseInt(hex.slice(at, at + 2), 16);

/** Colour of a part (0 to 1) of the largest value. */
export function rampColor(part: number, theme: Theme): string {
    const ramp = RAMPS[theme];
    const at = Math.min(1, Math.max(0, part)) * (ramp.length - 1);
    const low = Math.min(ramp.length - 2, Math.floor(at)), mix = at - low;
    const [a, b] = [ramp[low]!, ramp[low + 1]!];
    const parts = [1, 3, 5].map((i) => Math.round(channel(a, i) + (channel(b, i) - channel(a, i)) * mix));
    return `#${parts.map((v) => v.toString(16).padStart(2, "0")).join("")}`;
}
