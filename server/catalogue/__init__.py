"""What is sold and on what terms: products, price lists, promotions, accounts."""
