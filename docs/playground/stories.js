// Short guided stories: each step is a state of the page, reached by a link.

export const STORIES = [
  {
    name: "coupling", title: "What V_syn does",
    steps: [
      ["image=3&v=inf", "Here the rails are infinitely far away, and both circuits are the same. Each input spike adds a \
constant current, so that a membrane is a straight line from spike to spike, and its end is a weighted sum."],
      ["image=3&v=4", "At V_syn = 4 a synapse is a resistor to a rail at 4 thresholds. The current falls as the membrane \
comes nearer to the rail, so that the lines bend: compare with the grey panel."],
      ["image=3&v=1", "At V_syn = 1 the rails are as near as the threshold. Membranes relax towards them, and no longer \
compute a weighted sum. This network was trained in this circuit, and still reads the digit, with less energy."],
    ],
  },
  {
    name: "silent", title: "Why a silent neuron is no error",
    steps: [
      ["image=5&layer=1&neuron=SILENT", "The marked neuron ends below its resting voltage. The ramp does not take it to \
the threshold before the phase is over, so it sends no spike."],
      ["image=5&layer=2", "In the next layer a neuron that is silent costs nothing and adds nothing, as a 0 behind a \
ReLU. Times say the rest: the later a spike, the smaller the number that it stands for."],
    ],
  },
  {
    name: "transfer", title: "Why the weights of one circuit do not fit the other",
    steps: [
      ["model=conventional&image=7&v=inf", "These weights were trained in the conventional circuit, where they read \
almost every digit."],
      ["model=conventional&image=7&v=1", "The same weights at V_syn = 1: membranes that should rise far above the \
threshold are held by the rail, and negative currents grow. Go through the images with the arrows: some are misread."],
      ["model=two-phase&image=7&v=1", "Weights that were trained at V_syn = 1, with the physics in every gradient, read \
them. Or press Train with the other weights, and watch them adapt."],
    ],
  },
];
