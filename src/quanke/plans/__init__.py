"""What is worth doing for whom: scores of what customers are likely to do, and what the bank plans to do."""
