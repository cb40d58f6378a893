import argparse
import json
import pathlib

from safetensors.torch import save_file


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--losses", type=pathlib.Path, help="a CSV for the loss of each update")
    parser.add_argument("--weights", type=pathlib.Path, help="a safetensors file for the result")
    arguments = parser.parse_args()
    order = json.loads(ORDER.read_text())
    inputs, targets = read_data(TRAIN)
    check_data(TRAIN, inputs, targets, order["train"])
    evaluated = (inputs, targets) if EVALUATED_DATA == TRAIN else read_data(EVALUATED_DATA)
    check_data(EVALUATED_DATA, *evaluated, order[EVALUATED])
    torch.manual_seed(SEED)  # of dropout
    model = make_model()
    optimizer = make_optimizer(model)

    def after_epoch(epoch, loss):
        score = evaluate(model, *evaluated, order[EVALUATED]["rows"])
        print(f"epoch {epoch}: loss {loss:.4f}, {EVALUATED} {SCORE} {score:.4f}")

    losses = train(model, optimizer, inputs, targets, order, after_epoch)
    if arguments.losses:
        lines = [f"{update},{loss!r}\n" for update, loss in enumerate(losses, 1)]
        arguments.losses.write_text("update,loss\n" + "".join(lines))
    if arguments.weights:
        save_file(weights_of(model), arguments.weights)


if __name__ == "__main__":
    main()
