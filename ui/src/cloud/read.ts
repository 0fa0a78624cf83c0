/** Reads point clouds: KITTI and nuScenes floats, PCD (ascii, binary) and PLY (ascii, little endian). */
export interface PointCloud {
  /** x, y, z in metres, one after the other. */
  positions: Float32Array;
  /** One a point, 0 to 1; empty when the file has none. */
  intensity: Float32Array;
}

/** Points read at most. */
const MOST = 8_000_000;

/** The points of a file; throws when it is none that is known. O(bytes). */
export function readCloud(bytes: ArrayBuffer, path: string): PointCloud {
  const head = new TextDecoder("latin1").decode(bytes.slice(0, 4096));
  if (/^#? *\.?PCD|^VERSION/i.test(head)) return readPcd(bytes, head);
  if (head.startsWith("ply")) return readPly(bytes, head);
  return readFloats(
    bytes,
    /\.pcd\.bin$/i.test(path) || (bytes.byteLength % 20 === 0 && bytes.byteLength % 16 !== 0) ? 5 : 4,
  );
}

function readFloats(bytes: ArrayBuffer, columns: number): PointCloud {
  const values = new Float32Array(bytes, 0, Math.floor(bytes.byteLength / 4 / columns) * columns);
  const count = Math.min(MOST, values.length / columns);
  const cloud = { positions: new Float32Array(count * 3), intensity: new Float32Array(count) };
  for (let i = 0; i < count; i++) {
    cloud.positions.set(values.subarray(i * columns, i * columns + 3), i * 3);
    cloud.intensity[i] = values[i * columns + 3] ?? 0;
  }
  return scaled(cloud);
}

interface Column {
  name: string;
  at: number;
  read(view: DataView, at: number): number;
}

function table(bytes: ArrayBuffer, from: number, stride: number, count: number, columns: Column[]): PointCloud {
  const view = new DataView(bytes);
  const most = Math.min(MOST, count, Math.floor((bytes.byteLength - from) / stride));
  const find = (names: string[]) => columns.find((c) => names.includes(c.name));
  const axes = [find(["x"]), find(["y"]), find(["z"])];
  const strength = find(["intensity", "i", "reflectance"]);
  if (axes.some((axis) => !axis)) throw new Error("the point cloud has no x, y, z");
  const cloud = { positions: new Float32Array(most * 3), intensity: new Float32Array(strength ? most : 0) };
  for (let i = 0; i < most; i++) {
    axes.forEach((axis, k) => {
      cloud.positions[i * 3 + k] = axis!.read(view, from + i * stride + axis!.at);
    });
    if (strength) cloud.intensity[i] = strength.read(view, from + i * stride + strength.at);
  }
  return scaled(cloud);
}

function reader(kind: string, size: number): Column["read"] {
  if (kind === "F") return size === 8 ? (v, a) => v.getFloat64(a, true) : (v, a) => v.getFloat32(a, true);
  if (kind === "I")
    return size === 1
      ? (v, a) => v.getInt8(a)
      : size === 2
        ? (v, a) => v.getInt16(a, true)
        : (v, a) => v.getInt32(a, true);
  return size === 1
    ? (v, a) => v.getUint8(a)
    : size === 2
      ? (v, a) => v.getUint16(a, true)
      : (v, a) => v.getUint32(a, true);
}

function lines(bytes: ArrayBuffer, from: number, names: string[]): PointCloud {
  const rows = new TextDecoder().decode(bytes.slice(from)).split("\n").slice(0, MOST);
  const [x, y, z] = ["x", "y", "z"].map((name) => names.indexOf(name)) as [number, number, number];
  const i = names.findIndex((name) => name === "intensity" || name === "i");
  const positions: number[] = [];
  const intensity: number[] = [];
  for (const row of rows) {
    const cells = row.trim().split(/\s+/).map(Number);
    if (cells.length < names.length) continue;
    positions.push(cells[x] ?? 0, cells[y] ?? 0, cells[z] ?? 0);
    if (i >= 0) intensity.push(cells[i] ?? 0);
  }
  return scaled({ positions: new Float32Array(positions), intensity: new Float32Array(intensity) });
}

function readPcd(bytes: ArrayBuffer, head: string): PointCloud {
  const field = (name: string) => new RegExp(`^${name} +(.*)$`, "mi").exec(head)?.[1]?.trim().split(/\s+/) ?? [];
  const data = /^DATA +(\w+).*\n/im.exec(head);
  if (!data) throw new Error("the PCD file has no data");
  const from = data.index + data[0].length;
  const names = field("FIELDS");
  if (data[1] === "ascii") return lines(bytes, from, names);
  if (data[1] !== "binary") throw new Error("a compressed PCD file cannot be shown");
  const sizes = field("SIZE").map(Number);
  const kinds = field("TYPE");
  const counts = field("COUNT").map(Number);
  let at = 0;
  const columns = names.map((name, i) => {
    const column = { name, at, read: reader(kinds[i] ?? "F", sizes[i] ?? 4) };
    at += (sizes[i] ?? 4) * (counts[i] ?? 1);
    return column;
  });
  return table(bytes, from, at, Number(field("POINTS")[0] ?? 0), columns);
}

const PLY: Record<string, [string, number]> = {
  char: ["I", 1],
  int8: ["I", 1],
  uchar: ["U", 1],
  uint8: ["U", 1],
  short: ["I", 2],
  int16: ["I", 2],
  ushort: ["U", 2],
  uint16: ["U", 2],
  int: ["I", 4],
  int32: ["I", 4],
  uint: ["U", 4],
  uint32: ["U", 4],
  float: ["F", 4],
  float32: ["F", 4],
  double: ["F", 8],
  float64: ["F", 8],
};

function readPly(bytes: ArrayBuffer, head: string): PointCloud {
  const end = /end_header\r?\n/.exec(head);
  if (!end) throw new Error("the PLY file has no header");
  const from = end.index + end[0].length;
  const part = /element vertex (\d+)([\s\S]*?)(?:\nelement|\nend_header)/.exec(head);
  let at = 0;
  const columns: Column[] = [...(part?.[2] ?? "").matchAll(/property (\w+) (\w+)/g)].map(([, kind = "", name = ""]) => {
    const [code, size] = PLY[kind] ?? ["F", 4];
    const column = { name, at, read: reader(code, size) };
    at += size;
    return column;
  });
  if (/format ascii/.test(head))
    return lines(
      bytes,
      from,
      columns.map((c) => c.name),
    );
  if (!/format binary_little_endian/.test(head)) throw new Error("a big endian PLY file cannot be shown");
  return table(bytes, from, at, Number(part?.[1] ?? 0), columns);
}

/** Intensities brought to 0..1. */
function scaled(cloud: PointCloud): PointCloud {
  let most = 0;
  for (const value of cloud.intensity) if (value > most) most = value;
  if (most > 1) for (let i = 0; i < cloud.intensity.length; i++) cloud.intensity[i] = cloud.intensity[i]! / most;
  return cloud;
}
