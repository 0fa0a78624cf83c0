/** Shows a point cloud with cuboids: drag turns, shift-drag moves, the wheel zooms. No framework. */
import {
  BufferAttribute,
  BufferGeometry,
  Color,
  LineBasicMaterial,
  LineSegments,
  PerspectiveCamera,
  Points,
  PointsMaterial,
  Quaternion,
  Scene,
  Vector3,
  WebGLRenderer,
} from "three";
import { classColor, token } from "../lib/color";
import type { Cuboid, Label } from "../stage/doc";
import type { PointCloud } from "./read";

export class CloudView {
  private readonly renderer = new WebGLRenderer({ antialias: true });
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(50, 1, 0.1, 2000);
  private readonly observer: ResizeObserver;
  private readonly abort = new AbortController();
  private readonly target = new Vector3();
  private angle = Math.PI;
  private height = 0.6;
  private distance = 40;
  private frame = 0;

  constructor(private readonly host: HTMLElement) {
    this.camera.up.set(0, 0, 1);
    this.renderer.setPixelRatio(window.devicePixelRatio || 1);
    host.append(this.renderer.domElement);
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(host);
    const on = { signal: this.abort.signal };
    const canvas = this.renderer.domElement;
    canvas.style.touchAction = "none";
    canvas.addEventListener("pointerdown", (e) => canvas.setPointerCapture(e.pointerId), on);
    canvas.addEventListener("pointermove", (e) => e.buttons && this.dragged(e), on);
    canvas.addEventListener(
      "wheel",
      (e) => {
        e.preventDefault();
        this.distance = Math.max(0.5, Math.min(1000, this.distance * Math.exp(e.deltaY * 0.001)));
        this.touch();
      },
      { ...on, passive: false },
    );
  }

  destroy(): void {
    this.abort.abort();
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
    this.renderer.dispose();
    this.renderer.domElement.remove();
  }

  show(cloud: PointCloud, labels: readonly Label[]): void {
    this.scene.clear();
    this.scene.background = color(token("--bg"));
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(cloud.positions, 3));
    geometry.setAttribute("color", new BufferAttribute(shades(cloud), 3));
    this.scene.add(new Points(geometry, new PointsMaterial({ size: 1.6, sizeAttenuation: false, vertexColors: true })));
    for (const label of labels) if (label.type === "box3d") this.scene.add(edges(label.shape, classColor(label.class)));
    this.touch();
  }

  private dragged(event: PointerEvent): void {
    if (event.shiftKey || event.buttons === 2) {
      const scale = this.distance / this.host.clientHeight;
      const right = new Vector3(-Math.sin(this.angle), Math.cos(this.angle), 0);
      const forward = new Vector3(Math.cos(this.angle), Math.sin(this.angle), 0);
      this.target.addScaledVector(right, -event.movementX * scale).addScaledVector(forward, -event.movementY * scale);
    } else {
      this.angle -= event.movementX * 0.006;
      this.height = Math.max(0.02, Math.min(1.55, this.height + event.movementY * 0.006));
    }
    this.touch();
  }

  private resized(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (width === 0 || height === 0) return;
    this.renderer.setSize(width, height);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.touch();
  }

  private touch(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const flat = Math.cos(this.height) * this.distance;
      this.camera.position
        .set(Math.cos(this.angle) * flat, Math.sin(this.angle) * flat, Math.sin(this.height) * this.distance)
        .add(this.target);
      this.camera.lookAt(this.target);
      this.renderer.render(this.scene, this.camera);
    });
  }
}

/** The twelve edges of a cuboid, and a line that shows where it heads. */
export function cuboidEdges({ translation, rotation, size }: Cuboid): Float32Array {
  const turn = new Quaternion(rotation[1], rotation[2], rotation[3], rotation[0]);
  const at = (x: number, y: number, z: number) =>
    new Vector3((x * size[0]) / 2, (y * size[1]) / 2, (z * size[2]) / 2)
      .applyQuaternion(turn)
      .add(new Vector3(...translation));
  const out: number[] = [];
  const line = (a: Vector3, b: Vector3) => out.push(a.x, a.y, a.z, b.x, b.y, b.z);
  for (const p of [-1, 1]) {
    for (const q of [-1, 1]) {
      line(at(-1, p, q), at(1, p, q));
      line(at(p, -1, q), at(p, 1, q));
      line(at(p, q, -1), at(p, q, 1));
    }
  }
  line(at(0, 0, -1), at(1.3, 0, -1));
  return new Float32Array(out);
}

function edges(cuboid: Cuboid, css: string): LineSegments {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(cuboidEdges(cuboid), 3));
  return new LineSegments(geometry, new LineBasicMaterial({ color: color(css) }));
}

/** Any CSS colour as one that three knows, which has no oklch. */
function color(css: string): Color {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  if (!context) return new Color(0.5, 0.5, 0.5);
  context.fillStyle = css;
  context.fillRect(0, 0, 1, 1);
  const [r = 0, g = 0, b = 0] = context.getImageData(0, 0, 1, 1).data;
  return new Color().setRGB(r / 255, g / 255, b / 255, "srgb");
}

/** Points by height, brighter where the echo is stronger. */
function shades(cloud: PointCloud): Float32Array {
  const count = cloud.positions.length / 3;
  const out = new Float32Array(count * 3);
  const [low, high] = [color(token("--odd")), color(token("--good"))];
  const mixed = new Color();
  for (let i = 0; i < count; i++) {
    const share = Math.max(0, Math.min(1, ((cloud.positions[i * 3 + 2] ?? 0) + 2.2) / 4.5));
    const light = 0.45 + 0.55 * Math.sqrt(cloud.intensity[i] ?? 0.5);
    mixed.copy(low).lerp(high, share).multiplyScalar(light);
    out.set([mixed.r, mixed.g, mixed.b], i * 3);
  }
  return out;
}
