/* Life of one canvas inside a component: sized with its element, sharp on every screen, drawn at most once a frame. */
import { onMounted, onUnmounted, ref, type Ref } from "vue";
import { CanvasPen, type Pen } from "./pen";

export function useCanvas(canvas: Ref<HTMLCanvasElement | undefined>, paint: (pen: Pen, width: number, height: number) => void) {
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
        paint(new CanvasPen(context), width, height);
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
        void document.fonts?.ready.then(draw);
    });
    onUnmounted(() => {
        cancelAnimationFrame(asked);
        observer?.disconnect();
    });
    return { size, draw };
}
