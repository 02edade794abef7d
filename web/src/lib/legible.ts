/* Names come from outside: what turns the writing around or has no shape of its own is shown as a mark. Filters and
 * exports have names as they are. */

/** Directional overrides, embeddings, isolates and marks (UAX 9), and control characters. */
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export const legible = (text: string): string => text.replace(INVISIBLE, "\ufffd");

let pencil: CanvasRenderingContext2D | null | undefined;

/** Width in pixels; without a canvas (outside of a browser) that of average letters. */
export function textWidth(text: string, size: number, font: string): number {
    if (pencil === undefined) pencil = typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");
    if (!pencil) return text.length * size * 0.54;
    pencil.font = `${size}px ${font}`;
    return pencil.measureText(text).width;
}

/** The text, or as much of its beginning as there is room for. */
export function fitText(text: string, room: number, size: number, font: string): string {
    if (textWidth(text, size, font) <= room) return text;
    let low = 0, high = Math.min(text.length, 400);
    while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (textWidth(`${text.slice(0, middle)}…`, size, font) <= room) low = middle;
        else high = middle - 1;
    }
    return `${text.slice(0, Math.max(1, low)).trimEnd()}…`;
}
