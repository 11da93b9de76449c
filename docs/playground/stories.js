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
compute a weighted sum. These weights were trained in this circuit, and read 98 % of the test images."],
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
      ["model=conventional&image=4&noise=0.1&v=inf", "These weights were trained in the conventional circuit. Spike times \
have noise of 0.1 T here, and 94 % of the 360 test images are read all the same."],
      ["model=conventional&image=4&noise=0.1&v=1", "The same weights at V_syn = 1: the rails hold the membranes, outputs \
spike later and closer to each other, and the noise turns their order over: 67 %. (Without noise 97 to 98 % are read in \
all three steps: the order of these ten outputs survives, larger networks lose it too.)"],
      ["model=two-phase&image=4&noise=0.1&v=1", "Weights that were trained at V_syn = 1, with the circuit in every \
gradient, reach further: 89 %. Or press Train with the other weights, and watch them adapt."],
    ],
  },
];
