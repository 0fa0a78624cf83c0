//! Small ONNX files, written field by field, so that tests need no model of somebody else's.

/// A message of protocol buffers.
#[derive(Clone, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn number(mut self, field: u64, value: u64) -> Message {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    pub(crate) fn bytes(mut self, field: u64, bytes: &[u8]) -> Message {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(self, field: u64, text: &str) -> Message {
        self.bytes(field, text.as_bytes())
    }

    pub(crate) fn message(self, field: u64, message: &Message) -> Message {
        self.bytes(field, &message.0)
    }
}

/// A node of a graph; attributes are whole numbers.
pub(crate) fn node(kind: &str, inputs: &[&str], output: &str, attributes: &[(&str, u64)]) -> Message {
    let mut node = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
    node = node.text(2, output).text(3, output).text(4, kind);
    attributes.iter().fold(node, |node, (name, value)| {
        node.message(5, &Message::default().text(1, name).number(3, *value).number(20, 2))
    })
}

/// Weights.
pub(crate) fn weights(name: &str, sizes: &[u64], values: &[f32]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    sizes
        .iter()
        .fold(Message::default(), |tensor, size| tensor.number(1, *size))
        .number(2, 1)
        .text(8, name)
        .bytes(9, &raw)
}

/// A place of the graph: floats of these sizes; 0 = open.
fn port(name: &str, sizes: &[u64]) -> Message {
    let dimension = |size: &u64| match size {
        0 => Message::default().text(2, "N"),
        size => Message::default().number(1, *size),
    };
    let shape = sizes.iter().map(dimension).fold(Message::default(), |shape, size| shape.message(1, &size));
    let kind = Message::default().number(1, 1).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &kind))
}

/// A model with an input `image`.
pub(crate) fn model(
    input: &[u64],
    nodes: &[Message],
    weights: &[Message],
    outputs: &[(&str, &[u64])],
    notes: &[(&str, &str)],
) -> Vec<u8> {
    let mut graph = nodes.iter().fold(Message::default(), |graph, node| graph.message(1, node)).text(2, "test");
    graph = weights.iter().fold(graph, |graph, tensor| graph.message(5, tensor));
    graph = graph.message(11, &port("image", input));
    graph = outputs.iter().fold(graph, |graph, (name, sizes)| graph.message(12, &port(name, sizes)));
    let opset = Message::default().text(1, "").number(2, 13);
    let whole = Message::default().number(1, 8).message(7, &graph).message(8, &opset);
    let note =
        |whole: Message, (key, text): &(&str, &str)| whole.message(14, &Message::default().text(1, key).text(2, text));
    notes.iter().fold(whole, note).0
}

/// The mean of each channel: an embedding of three numbers.
pub(crate) fn mean_colour() -> Vec<u8> {
    let nodes =
        [node("GlobalAveragePool", &["image"], "pooled", &[]), node("Flatten", &["pooled"], "colour", &[("axis", 1)])];
    model(&[0, 3, 8, 8], &nodes, &[], &[("colour", &[0, 3])], &[])
}

/// Ten times the mean of each channel: the colour that an image has most of.
pub(crate) fn colour_classes(notes: &[(&str, &str)]) -> Vec<u8> {
    let nodes = [
        node("GlobalAveragePool", &["image"], "pooled", &[]),
        node("Flatten", &["pooled"], "colour", &[("axis", 1)]),
        node("MatMul", &["colour", "ten"], "logits", &[]),
    ];
    let ten = weights("ten", &[3, 3], &[10.0, 0.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0, 10.0]);
    model(&[0, 3, 8, 8], &nodes, &[ten], &[("logits", &[0, 3])], notes)
}

/// A detector that finds the same in every image.
pub(crate) fn constant_boxes(side: u64, sizes: &[u64], values: &[f32]) -> Vec<u8> {
    let nodes = [
        node("ReduceMean", &["image"], "mean", &[("keepdims", 0)]),
        node("Mul", &["mean", "nothing"], "zero", &[]),
        node("Add", &["zero", "boxes"], "found", &[]),
    ];
    let given = [weights("nothing", &[], &[0.0]), weights("boxes", sizes, values)];
    model(&[1, 3, side, side], &nodes, &given, &[("found", sizes)], &[("names", "{0: 'cat', 1: 'dog'}")])
}
