"""In which words do papers name what they measure, and what they count?"""

from __future__ import annotations

__all__ = ["METRIC", "SETTING", "SIZE"]

METRIC = (
    r"(?:top-\d accuracy|balanced accuracy|accuracy|accuracies|(?:macro|micro)[- ]F1|"
    r"F-?1(?:[- ]scores?)?|F-scores?|"
    r"exact match|EM\b|(?:Sacre)?BLEU(?:-\d)?|ROUGE(?:-[\dL])?|METEOR|CIDEr|chrF|COMET|"
    r"word error rate|"
    r"character error rate|equal error rate|WER|CER|EER|error rates?|errors?|perplexity|PPL|"
    r"AUROC|AUC|mAP|AP\b|"
    r"m?IoU|Dice(?: score)?|PSNR|SSIM|FID|RMSE|MAE|MSE|MRR|nDCG(?:@\d+)?|recall(?:@\d+)?|"
    r"precision(?:@\d+)?|"
    r"hits?@\d+|pass@\d+|sensitivity|specificity|mortality|success rate|win rate|survival|"
    r"latency|throughput|inference time|training time|runtime|memory(?: use| usage| footprint)?|"
    r"speed|"
    r"MOS\b|UAS|LAS|Spearman|Pearson|correlation|Matthews correlation|MCC)"
)
"""Names of measures; an accuracy stays an accuracy however it is written."""
SETTING = (
    r"(?:tasks?|languages?|seeds?|runs?|epochs?|steps?|iterations?|layers?|heads?|folds?|shots?|"
    r"datasets?|"
    r"data sets?|benchmarks?|domains?|trials?|phases?|stages?|updates?|metrics?|settings?|"
    r"corpora|hospitals?|"
    r"sites?|models?|systems?|baselines?|random seeds?|restarts?|categories of tasks|test sets?)"
)
SIZE = (
    r"(?:examples?|sentences?|tokens?|words?|images?|samples?|pairs?|documents?|utterances?|"
    r"speakers?|patients?|"
    r"participants?|subjects?|videos?|frames?|questions?|queries|parameters?|params?|classes|"
    r"categories|instances?|"
    r"articles|pages|records|rows|data points|neurons|nodes|edges|clips|recordings|dialogues|"
    r"users|items|"
    r"annotators|volunteers|cases|scans|studies|papers|people|hours of \w+|labels)"
)
"""What data and models are counted in."""
