/* Life of one canvas inside a component: sized with its element, sharp on every screen, drawn at most once a frame. */
import { onMounted, onUnmounted, ref, type Ref } from "vue";
import { CanvasPen, type Pen } from "./pen";

/** Paints once into a picture of its own, which is laid down again as long as `of` is the same. */
export type Sheet = (name: string, of: unknown, paint: (pen: Pen) => void) => void;

export function useCanvas(canvas: Ref<HTMLCanvasElement | undefined>, paint: (pen: Pen, sheet: Sheet) => void) {
    const size = ref({ width: 0, height: 0 });
    let observer: ResizeObserver | undefined;
    let asked = 0;

    function now(): void {
        const element = canvas.value;
        const { width, height } = size.value;
        if (!element || width === 0 || height === 0) return;
        const ratio = window.devicePixelRatio || 1;
        const w = Math.round(width * ratio), h = Math.round(height * ratio);
        if (element.width !== w) element.width = w;
        if (element.height !== h) element.height = h;
        const context = element.getContext("2d");
        if (!context) return;
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.clearRect(0, 0, width, height);
        paint(new CanvasPen(context), (name, of, picture) => {
            context.drawImage(sheetOf(name, of, w, h, ratio, picture), 0, 0, width, height);
        });
    }

    const sheets = new Map<string, { of: unknown; canvas: HTMLCanvasElement }>();
    function sheetOf(name: string, of: unknown, w: number, h: number, ratio: number, picture: (pen: Pen) => void): HTMLCanvasElement {
        const known = sheets.get(name);
        if (known && known.of === of && known.canvas.width === w && known.canvas.height === h) return known.canvas;
        const own = known?.canvas ?? document.createElement("canvas");
        own.width = w;
        own.height = h;
        const context = own.getContext("2d")!;
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        picture(new CanvasPen(context));
        sheets.set(name, { of, canvas: own });
        return own;
    }

    function draw(): void {
        cancelAnimationFrame(asked);
        asked = requestAnimationFrame(now);
    }

    function measure(): void {
        const box = canvas.value?.parentElement;
        if (!box) return;
        size.value = { width: box.clientWidth, height: box.clientHeight };
        now();
    }

    onMounted(() => {
        observer = new ResizeObserver(measure);
        observer.observe(canvas.value!.parentElement!);
        measure();
        // The labels' font may come later than the first picture.
        void document.fonts?.ready.then(() => {
            sheets.clear();
            draw();
        });
    });
    onUnmounted(() => {
        cancelAnimationFrame(asked);
        observer?.disconnect();
    });
    return { size, draw };
}
